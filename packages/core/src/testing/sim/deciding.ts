import { isRemoved } from '../../controls/removed.ts';
import type { DecisionRecord } from '../../decision/decision-record.ts';
import type { PointState } from '../../decision/point-state.ts';
import { CLOCK_DRIFT } from '../../node/held-leases.ts';
import { fail } from './failure.ts';
import { type Ledger, type Made, remember } from './ledger.ts';
import { FLOOR, LEARNED, LEASE_MS, OPEN, OTHER_LEASES_MS, TAGGED } from './plan.ts';
import type { Safety } from './safety.ts';
import { type Machine, note, type World } from './world.ts';

/** Draws against their propensities, over the whole run: a test that may be looked at after every draw. */
export interface DrawTest {
  /** What each bettor has made of 1; no fair game makes their mean exceed 1/α, ever, but with probability α. */
  readonly wealth: number[];
  draws: number;
}

export const drawTest = (): DrawTest => ({ wealth: BETS.map(() => 1), draws: 0 });

/** α of the run: a false alarm has at most this probability, however long it is. */
const ALPHA = 1e-9;
/** Stakes on the first arm, for and against. */
const BETS = [0.1, -0.1, 0.5, -0.5];

/** Makes one decision and checks everything that must hold of it. */
export function decideOn(
  world: World,
  book: Ledger,
  rules: Safety,
  test: DrawTest,
  machine: Machine,
  unit: string,
  point: string,
): Made | undefined {
  const node = machine.process!.node;
  const state = node.state.points.get(point);
  if (state === undefined) return undefined;
  const record = node.decide(point, { unit }) as DecisionRecord;
  world.trace.fold(record.armIndex + (record.probability || 0));
  note(
    world,
    machine,
    () =>
      `decides ${record.id}: ${record.arm} (${record.reason}, ${record.stratum}, p=${record.probability})`,
  );
  checkStops(world, rules, machine, record);
  if (record.armIndex >= 0) checkArms(state, record);
  if (point === LEARNED) checkMix(state, record, test);
  return record.armIndex < 0
    ? undefined
    : remember(book, machine, record, state.learnerKey, world.line.nowMs);
}

const STOPPED = ['killed', 'lease_expired', 'blocked', 'placement', 'invalid_context'];

export function checkStops(world: World, rules: Safety, machine: Machine, record: DecisionRecord): void {
  if (STOPPED.includes(record.reason)) return;
  const state = machine.process!.node.state;
  const root = world.machines[0].name;
  for (const kill of state.controls.kills.values())
    if (
      kill.subtree === root &&
      (covers(kill.scope, record.point, machine) || state.path.some((name) => kill.scope === `node:${name}`))
    )
      fail('kill-ignored', `${machine.name} knows that ${kill.scope} is killed, and decided ${record.id}`);
  if (record.point === OPEN) return;
  for (const [tag, sinceMs] of rules.killsMs) {
    const kill = world.machines[0].process?.node.state.controls.kills.get(tag);
    if (kill === undefined || !covers(kill.scope, record.point, machine)) continue;
    if (isRemoved(state.controls.removed, tag) && forgotBoth(world, machine)) continue;
    const lateMs = world.line.nowMs - sinceMs;
    if (lateMs > boundOf(world, rules, record.point, tag))
      fail(
        'lease-bound',
        `${machine.name} decided ${record.id} (${record.reason}) ${lateMs.toFixed(1)} ms after ${kill.scope} was killed at the root`,
      );
  }
}

/**
 * What the root said when the kill was durable, where leases change. One that is back from an old image does not know what
 * it had declared since: then the longest lease that ever was.
 */
function boundOf(world: World, { boundsMs }: Safety, point: string, tag: string): number {
  if (point !== LEARNED) return LEASE_MS * (1 + CLOCK_DRIFT);
  const longest = Math.max(LEASE_MS, ...OTHER_LEASES_MS) * (1 + CLOCK_DRIFT);
  return world.machines[0].named
    ? longest
    : Math.min(longest, (boundsMs.get(tag) ?? longest) * (1 + CLOCK_DRIFT));
}

/**
 * The root and this one, or one on the way to it, are back from images that are older than a revive: nobody but who is below them still knows
 * of it, under a seal that the root does not have (ADR 10). The kill stands at the root, not acknowledged from below.
 */
function forgotBoth(world: World, machine: Machine): boolean {
  if (!world.machines[0].named) return false;
  for (let at = machine.name; at !== '' && at !== world.machines[0].name; ) {
    const above = world.machines.filter(({ name }) => name === at);
    if (above.some(({ named }) => named)) return true;
    at = above[0]?.parent ?? '';
  }
  return false;
}

export function covers(scope: string, point: string, machine: Machine): boolean {
  return (
    scope === '*' ||
    scope === `point:${point}` ||
    scope === `tier:${machine.tier}` ||
    scope === `node:${machine.name}`
  );
}

export function checkArms(state: PointState, record: DecisionRecord): void {
  if (record.point === TAGGED && record.reason === 'policy' && record.arm !== record.unit)
    fail('allowed-arms', `${record.id} was for ${record.unit} and got ${record.arm}`);
  if (state.ruling.armsAllowed[record.armIndex] !== 1)
    fail('allowed-arms', `${record.id} got ${record.arm}, which is not allowed`);
}

/** Recomputes what was drawn from, by other code than the pipeline's. */
function checkMix(state: PointState, record: DecisionRecord, test: DrawTest): void {
  const { compiled, scratch } = state;
  const arms = compiled.arms.length;
  const held = state.compiled.guards[0].guard.check(null, { ...scratch.guardInput, stratum: '' });
  if (record.reason === 'baseline' || record.reason === 'policy') {
    const isHeld = held.kind === 'assign';
    if (isHeld !== (record.reason === 'baseline'))
      fail(
        'holdout',
        `${record.id}: ${record.unit} is ${isHeld ? '' : 'not '}held out and got ${record.reason}`,
      );
  }
  if (record.reason === 'baseline' && (record.armIndex !== 0 || record.probability !== 1))
    fail(
      'holdout',
      `${record.id} is held out and got ${record.arm} with ${record.probability}, not the baseline`,
    );
  if (record.reason !== 'policy') return;
  const p = new Float64Array(arms);
  compiled.policy.propose(state.view.current, scratch.policyInput, { p, confidence: 0 } as never);
  const expected = (1 - FLOOR) * p[record.armIndex] + FLOOR / arms;
  if (Math.abs(expected - record.probability) > 1e-9)
    fail('propensity', `${record.id} says ${record.probability}; the mix makes ${expected}`);
  // Whether the first arm is drawn, less its probability, is a fair bet (Ville's inequality).
  const first = (1 - FLOOR) * p[0] + FLOOR / arms;
  const surprise = (record.armIndex === 0 ? 1 : 0) - first;
  test.draws++;
  let mean = 0;
  for (let i = 0; i < BETS.length; i++) {
    test.wealth[i] *= 1 + BETS[i] * surprise;
    mean += test.wealth[i] / BETS.length;
  }
  if (mean > 1 / ALPHA)
    fail('draws', `after ${test.draws} draws the arms do not fit the propensities that were logged`);
}
