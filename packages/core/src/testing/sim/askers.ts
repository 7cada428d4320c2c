import type { DecisionRecord } from '../../decision/decision-record.ts';
import type { PointState } from '../../decision/point-state.ts';
import type { Tier } from '../../decision/spec.ts';
import { isGanglionError } from '../../errors.ts';
import { ASKS_MAX } from '../../node/asking.ts';
import { checkArms, checkStops } from './deciding.ts';
import type { Dice } from './dice.ts';
import { fail } from './failure.ts';
import { type Ledger, type Made, remember } from './ledger.ts';
import { ASKED, STICKY_MS } from './plan.ts';
import type { Safety } from './safety.ts';
import { awake, type Machine, note, type SimProcess, type World } from './world.ts';

/** Applications that have time: their decisions may wait for a place, and for the word of those above. */
export interface Askers {
  readonly world: World;
  readonly book: Ledger;
  readonly rules: Safety;
  readonly dice: Dice;
  /** Hears of a decision whose outcome is known. */
  readonly report: (made: Made) => void;
  /** By machine and unit. */
  readonly firsts: Map<string, First>;
}

/** Whom they ask, and for which unit. */
interface Question {
  readonly machine: Machine;
  readonly process: SimProcess;
  readonly unit: string;
}

/** What one unit got first, on one machine. */
interface First {
  readonly arm: string | null;
  /** Tree time: by this the unit's time runs out, and it may jump ahead while a node first hears from those above. */
  readonly treeMs: number;
  /** Which of the machine's processes drew it: what a crash took from the disk, the next one does not know. */
  readonly process: number;
  /** What the unit had before: that is what a crash may bring back. */
  readonly before: First | undefined;
}

const TIERS: readonly Tier[] = ['device', 'region', 'cloud'];
const SLACK_MS = 1;

export function askers(
  world: World,
  book: Ledger,
  rules: Safety,
  dice: Dice,
  report: (made: Made) => void,
): Askers {
  return { world, book, rules, dice, report, firsts: new Map() };
}

export function ask(askers: Askers): void {
  const { world, dice } = askers;
  const able = awake(world);
  if (able.length === 0) return;
  const machine = dice.pick(able);
  const process = machine.process!;
  if (process.node.state.points.get(ASKED) === undefined) return;
  const question = { machine, process, unit: `v${dice.below(8)}` };
  if (dice.chance(0.3)) {
    const { unit } = question;
    heard(askers, question, process.node.decide(ASKED, { unit }) as DecisionRecord);
    return;
  }
  askAndWait(askers, question, dice.pick([0, 20, 80, 300]));
  const asks = process.node.state.parent?.asks.size ?? 0;
  if (asks > ASKS_MAX) fail('memory', `${machine.name} has too many questions under way`);
  if (asks > 0 && dice.chance(0.1)) stopMeanwhile(askers, question);
}

function askAndWait(askers: Askers, question: Question, deadlineMs: number): void {
  const { world } = askers;
  const { machine, process, unit } = question;
  const untilMs = world.line.nowMs + deadlineMs * 1.02 + SLACK_MS;
  const { naps } = machine;
  world.pendingPromises = true;
  process.node
    .decideAsync(ASKED, { unit }, { deadlineMs })
    .then(
      (record) => {
        // Its clock may stand still in sleep, and the time that is left with it.
        if (world.line.nowMs > untilMs && !machine.asleep && machine.naps === naps)
          fail('deadline', `${machine.name} made ${record.id} ${world.line.nowMs - untilMs} ms too late`);
        heard(askers, question, record as DecisionRecord);
      },
      (error: unknown) => {
        if (!isGanglionError(error) || error.code !== 'unknown_point') world.failure ??= error;
      },
    )
    .catch((error: unknown) => {
      world.failure ??= error;
    });
}

/** A person stops the point here while those above are asked, and thinks better of it soon after. */
function stopMeanwhile({ world, dice }: Askers, { machine, process }: Question): void {
  const request = { scope: `point:${ASKED}`, reason: 'test', by: { name: 'somebody', authority: '*' } };
  const act = (what: 'kill' | 'revive'): void => {
    if (machine.process !== process || machine.asleep) return;
    world.pendingPromises = true;
    note(world, machine, () => `${what} ${request.scope}`);
    process.node[what](request).catch((error: unknown) => {
      if (!isGanglionError(error)) world.failure ??= error;
    });
    world.onTouch(machine);
  };
  world.line.after(dice.between(0, 6), () => act('kill'));
  world.line.after(dice.between(60, 120), () => act('revive'));
}

function heard(askers: Askers, { machine, process, unit }: Question, record: DecisionRecord): void {
  if (machine.process !== process) return; // its process has ended meanwhile: nobody hears this
  const { world, book, rules, dice, report } = askers;
  const state = process.node.state.joins.get(record.source.idPrefix) as PointState;
  world.trace.fold(record.armIndex + (record.probability || 0));
  note(
    world,
    machine,
    () => `answers ${record.id}: ${record.arm} for ${unit} (${record.reason}, p=${record.probability})`,
  );
  checkStops(world, rules, machine, record);
  const stopped = process.node.state.points.get(ASKED)?.ruling.kill;
  if (stopped !== undefined && record.reason !== 'killed' && record.reason !== 'blocked')
    fail('kill-ignored', `${machine.name} answers ${record.id} by ${record.reason}: ${stopped.why}`);
  if (record.armIndex >= 0) checkArms(state, record);
  checkPlacement(world, machine, record);
  checkSticky(askers.firsts, machine, unit, record);
  checkHoldout(state, unit, record);
  if (record.armIndex < 0) return;
  world.line.after(dice.wait(60), () => process.node.release(record.id));
  const made = remember(book, machine, record, state.learnerKey, world.line.nowMs);
  if (dice.chance(0.7)) world.line.after(dice.wait(80), () => report(made));
}

/** A unit keeps its arm, and nobody else's. Machines whose disks went back in time may remember otherwise. */
function checkSticky(
  firsts: Map<string, First>,
  machine: Machine,
  unit: string,
  record: DecisionRecord,
): void {
  const key = `${machine.index} ${unit}`;
  const first = firsts.get(key);
  if (record.reason === 'policy' || record.reason === 'escalated') {
    const { arm, treeMs } = record;
    firsts.set(key, { arm, treeMs, process: machine.processes, before: older(first) });
    const within = first !== undefined && record.treeMs - first.treeMs < STICKY_MS;
    if (within && steady(machine) && kept(first, record))
      fail('sticky', `${record.id} was drawn for ${unit}, which had ${first.arm} since ${first.treeMs}`);
  }
  if (record.reason !== 'sticky' || machine.named) return;
  if (record.trains) fail('sticky', `${record.id} is a repeat, and teaches`);
  if (first === undefined || !mayRepeat(machine, first, record.arm))
    fail('sticky', `${record.id} repeats ${record.arm} for ${unit}, which had ${first?.arm}`);
}

/** One process, since its first: what it has not written yet it may have forgotten. */
const steady = (machine: Machine): boolean => machine.processes === 1 && !machine.named;

/** A repeat is of the newest draw, or of an older one where a process ended before the newer ones were on its disk. */
function mayRepeat(machine: Machine, first: First, arm: string | null): boolean {
  if (first.arm === arm) return true;
  return (
    first.process < machine.processes && first.before !== undefined && mayRepeat(machine, first.before, arm)
  );
}

/** A few draws back is enough: a group of writes is shorter than any unit's time. */
const older = (first: First | undefined): First | undefined =>
  first?.before === undefined ? first : { ...first, before: { ...first.before, before: undefined } };

/** Whether nothing stands in the way of the arm that the unit had. */
const kept = (first: First, record: DecisionRecord): boolean =>
  first.arm !== null && !record.verdicts.some(({ guard }) => guard === 'kill');

/** Below the tier that may decide, nothing is drawn from what this node itself proposes. */
function checkPlacement(world: World, machine: Machine, record: DecisionRecord): void {
  const below = TIERS.indexOf(machine.tier) < TIERS.indexOf(world.plan.placement);
  if (below && record.reason === 'policy')
    fail('placement', `${machine.name} decided ${record.id}, which is for ${world.plan.placement}`);
  if (!below && record.reason === 'placement')
    fail('placement', `${machine.name} may decide ${record.id}, and did not`);
  if (record.reason === 'escalated' && machine.parent === '')
    fail('placement', `${machine.name} has no parent, and asked it for ${record.id}`);
}

function checkHoldout(state: PointState, unit: string, record: DecisionRecord): void {
  if (!['policy', 'escalated', 'sticky', 'baseline'].includes(record.reason)) return;
  const { unitHash } = record;
  const input = { ...state.scratch.guardInput, unit, unitHash, stratum: '' };
  const held = state.compiled.guards[0].guard.check(null, input).kind === 'assign';
  if (held !== (record.reason === 'baseline'))
    fail('holdout', `${record.id}: ${unit} is ${held ? '' : 'not '}held out and got ${record.reason}`);
}
