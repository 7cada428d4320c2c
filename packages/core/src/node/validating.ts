import { type DecisionRecord, SELF } from '../decision/decision-record.ts';
import { rewardOf } from '../decision/outcome.ts';
import type { PointState } from '../decision/point-state.ts';
import type { PointReport, TrainingReport, ValidationReport } from '../status.ts';
import { sumBelow, sumOwn } from '../sync/slots.ts';
import { decayEvidence } from '../validation/decay.ts';
import { describeSums, lossReport } from '../validation/describe.ts';
import {
  type Alarm,
  type Finding,
  freezeMonitor,
  isFrozen,
  lossThreshold,
  type Monitor,
  newMonitor,
  thaw,
  thawMonitor,
  watch,
} from '../validation/monitor.ts';
import { addJudged, type ValidationSums, validationSums } from '../validation/sums.ts';
import { record as audit } from './audit.ts';
import { jsonBytes } from './json-bytes.ts';
import { isStale, learnerFor, taughtSlot } from './learning.ts';
import { type NodeState, refuse } from './state.ts';

/** Who freezes and thaws where no person does. */
const ITSELF = { name: 'validation', authority: '*' };

/**
 * The learner's own key with another name of evidence: what was predicted by another learner is not counted with it, and
 * what a reset forgets is forgotten here too.
 */
function keyOf({ compiled, learnerKey }: PointState): string {
  const [, , shape, epoch] = learnerKey.slice(compiled.name.length).split('|');
  return `${compiled.name}|${validationSums.name}|${shape}|${epoch}`;
}

/** Gives a point its monitor: the one that it had, if the learner is the same. `state` undefined: the point is deleted. */
export function openValidation(
  node: NodeState,
  state: PointState | undefined,
  old: PointState | undefined,
): void {
  const before = old?.monitor;
  if (state?.compiled.validation === undefined) {
    if (old !== undefined && before !== undefined)
      node.writes.push({ kind: 'delete', collection: 'validation', key: old.compiled.name });
    return;
  }
  learnerFor(node, keyOf(state), validationSums);
  state.monitor = before?.learnerKey === state.learnerKey ? before : newMonitor(state.learnerKey);
  showFreeze(state);
}

/** From the disk. */
export function recoverMonitor(node: NodeState, point: string, json: unknown): void {
  const state = node.points.get(point);
  if (state?.monitor === undefined) return;
  const monitor = thawMonitor(json);
  if (monitor === undefined) refuse(node, 'validation_state_not_understood');
  if (monitor?.learnerKey === state.learnerKey) state.monitor = monitor;
}

/** What was decided before a restart is judged by the monitor of the point as it is declared now. */
export function shareMonitors(node: NodeState): void {
  for (const { monitor } of node.points.values()) {
    if (monitor === undefined) continue;
    for (const state of node.joins.values())
      if (state.compiled.validation !== undefined && state.learnerKey === monitor.learnerKey)
        state.monitor = monitor;
    spread(node, monitor);
  }
}

/** Writes what cannot be told from the sums; with the next batch. */
export function saveMonitor(node: NodeState, state: PointState): void {
  if (state.monitor?.unsaved !== true) return;
  state.monitor.unsaved = false;
  node.writes.push({
    kind: 'put',
    collection: 'validation',
    key: state.compiled.name,
    value: jsonBytes(freezeMonitor(state.monitor)),
  });
}

/** Something settled. Where silence is no outcome, it is judged at once. */
export function judgeSettled(node: NodeState, state: PointState, record: DecisionRecord): void {
  if (state.compiled.validation?.atClose === false) judge(node, state, record);
}

/**
 * A window has closed. Where silence becomes an outcome, good ones come first and bad ones last: so all are judged at the same
 * age, in the order of the decisions. Once each, also over a restart: see `countClosed`.
 */
export function judgeClosed(node: NodeState, state: PointState, record: DecisionRecord): void {
  if (state.compiled.validation?.atClose === true) judge(node, state, record);
}

function judge(node: NodeState, state: PointState, record: DecisionRecord): void {
  const { monitor, compiled } = state;
  const { forecast } = record;
  const plan = compiled.validation;
  if (monitor === undefined || plan === undefined || forecast === undefined) return;
  const reward = rewardOf(state, record.metrics);
  if (Number.isNaN(reward)) return;
  const [low, high] = compiled.objective.range;
  const outcome = Math.min(1, Math.max(0, (reward - low) / (high - low)));
  const { learner, reference } = forecast;
  const key = keyOf(state);
  if (!isStale(node, key)) {
    const slot = taughtSlot(node, learnerFor(node, key, validationSums), key, state.source.idPrefix);
    if (slot !== undefined)
      addJudged(slot.evidence as ValidationSums, {
        learner,
        reference,
        outcome,
        caused: (record.state & SELF) !== 0,
        warm: monitor.judged >= plan.warmUp,
      });
  }
  const armKey = state.source.armKeys[record.armIndex];
  const { encodedContext: context, treeMs: atMs } = record;
  const found = watch(monitor, plan, { learner, reference, outcome, armKey, context, atMs });
  if (found !== undefined) raise(node, state, monitor, found);
}

/** Decay is found: said, written and audited; and learning stops, if that was declared. */
function raise(node: NodeState, state: PointState, monitor: Monitor, found: Finding): void {
  const plan = state.compiled.validation;
  if (plan === undefined) return;
  const sinceMs = node.moment.treeMs;
  const alarm: Alarm = {
    action: plan.onDecay,
    sinceMs,
    untilMs: Number.isFinite(plan.thawAfterMs) ? sinceMs + plan.thawAfterMs : null,
    why: wording(state, monitor, found),
    thaws: thawsOf(node, state),
  };
  monitor.alarm = alarm;
  spread(node, monitor);
  saveMonitor(node, state);
  const action = alarm.action === 'report' ? 'learner.decay' : 'learner.freeze';
  audit(node, ITSELF, action, state.compiled.name, alarm.why);
}

function wording({ compiled }: PointState, { recent }: Monitor, found: Finding): string {
  if (found.kind === 'field')
    return `${compiled.fields[found.field].name} has had one value in the last ${found.length} outcomes`;
  const { squared, reference } = lossReport(recent, compiled.objective.range, false);
  return `its squared error is ${short(squared)} lately, that of each arm’s mean ${short(reference)} (e-value ${short(found.e)})`;
}

const short = (value: number | null): string =>
  value === null ? 'unknown' : String(Number(value.toPrecision(3)));

const thawsOf = (node: NodeState, { compiled }: PointState): number =>
  node.controls.thaws.get(compiled.name) ?? 0;

/** All states of the point that share this monitor go by it. */
function spread(node: NodeState, monitor: Monitor): void {
  for (const states of [node.points.values(), node.joins.values()])
    for (const state of states) if (state.monitor === monitor) showFreeze(state);
}

/** While the baseline decides, decisions say so. */
function showFreeze(state: PointState): void {
  const alarm = state.monitor?.alarm;
  state.frozen =
    alarm?.action === 'baseline'
      ? Object.freeze({
          guard: 'validation',
          kind: 'soften',
          why: `the learner has decayed: ${alarm.why}`,
          influence: 0,
        } as const)
      : undefined;
}

/** Ends what has run its time, and what a person has ended; called now and then. */
export function thawWhenDue(node: NodeState): void {
  for (const state of node.points.values()) {
    const alarm = state.monitor?.alarm;
    if (state.monitor === undefined || alarm === undefined) continue;
    const byHand = thawsOf(node, state) > alarm.thaws;
    if (!byHand && (alarm.untilMs === null || node.moment.treeMs < alarm.untilMs)) continue;
    thaw(state.monitor);
    spread(node, state.monitor);
    saveMonitor(node, state);
    // Who thawed it by hand is in the audit where that was said.
    audit(node, ITSELF, 'learner.thaw', state.compiled.name, byHand ? 'thawed by hand' : 'its time is over');
  }
}

/** What degrades this node, a sentence for each frozen learner. */
export function frozenLearners(node: NodeState): string[] {
  return [...node.points.values()].flatMap(({ compiled, monitor }) =>
    monitor?.alarm === undefined
      ? []
      : [
          `${compiled.name}: the learner has decayed${isFrozen(monitor) ? ' and is frozen' : ''}: ${monitor.alarm.why}`,
        ],
  );
}

/** Marks what came while the learner was frozen, so that a restart does not take it for learned. */
export function noteWithheld(node: NodeState, state: PointState, record: DecisionRecord): void {
  node.accepted.push({
    prefix: state.source.idPrefix,
    n: record.n,
    kind: 'withheld',
    revision: 0,
    metrics: {},
    truth: undefined,
  });
}

/** How well this node's learner predicts, or that of all below; nothing where nobody watches it. */
export function validationReport(
  node: NodeState,
  state: PointState,
  scope: 'self' | 'subtree',
): ValidationReport | undefined {
  const { monitor, compiled } = state;
  const plan = compiled.validation;
  if (monitor === undefined || plan === undefined) return undefined;
  const slots = node.learners.get(keyOf(state))?.slots;
  let sums = validationSums.zero();
  if (slots?.evidence !== undefined) {
    sums = sumOwn(slots) as ValidationSums;
    if (scope === 'subtree') sums = validationSums.add(sums, sumBelow(slots) as ValidationSums);
  }
  const { range } = compiled.objective;
  const described = describeSums(sums, range);
  const { alarm } = monitor;
  return {
    learner: compiled.policy.name,
    ...described,
    recent: lossReport(monitor.recent, range, described.kind === 'binary'),
    decay: {
      armed: monitor.armed,
      e: decayEvidence(monitor.decay),
      threshold: lossThreshold(plan, compiled.fields.length),
    },
    frozen:
      alarm === undefined
        ? []
        : [
            {
              node: node.name,
              action: alarm.action,
              sinceMs: alarm.sinceMs,
              untilMs: alarm.untilMs,
              why: alarm.why,
            },
          ],
    sums: { ...monitor.recent },
  };
}

/** Over several nodes: what fades and what is frozen of all of them; `a` has the sums of all already. */
export function mergeValidation(
  a: ValidationReport,
  b: ValidationReport | undefined,
  range: readonly [number, number],
): ValidationReport {
  if (b === undefined) return a;
  const sums = { ...(a.sums ?? ZERO) };
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += b.sums?.[name] ?? 0;
  return {
    ...a,
    recent: lossReport(sums, range, a.kind === 'binary'),
    decay: {
      armed: a.decay.armed || b.decay.armed,
      e: Math.max(a.decay.e, b.decay.e),
      threshold: a.decay.threshold,
    },
    frozen: [...a.frozen, ...b.frozen],
    sums,
  };
}

/** What a child says of this must be for it to be merged and shown. */
export function isSoundValidation({ validation, training }: PointReport): boolean {
  const numbers = (values: readonly unknown[]): boolean => values.every((n) => Number.isFinite(n));
  if (
    training !== undefined &&
    !numbers([training?.caused, training?.others, training?.heldBack, training?.frozen])
  )
    return false;
  if (validation === undefined) return true;
  const { sums, decay, frozen, recent, calibration } = validation ?? {};
  return (
    numbers([decay?.e, decay?.threshold]) &&
    [recent?.squared, recent?.reference, calibration?.ece].every(
      (n) => n === null || typeof n === 'number',
    ) &&
    (sums === undefined || numbers(Object.keys(ZERO).map((name) => sums?.[name as keyof typeof ZERO]))) &&
    Array.isArray(frozen) &&
    frozen.length <= 1 &&
    frozen.every(
      (each) =>
        typeof each?.node === 'string' &&
        typeof each.why === 'string' &&
        typeof each.action === 'string' &&
        Number.isFinite(each.sinceMs) &&
        (each.untilMs === null || Number.isFinite(each.untilMs)),
    )
  );
}

const ZERO = { n: 0, squared: 0, reference: 0, log: 0, referenceLog: 0 };

/** Which outcomes train; nothing where neither is declared. */
export function trainingReport({ compiled, counters }: PointState): TrainingReport | undefined {
  if (compiled.validation === undefined && compiled.training.kind === 'include') return undefined;
  return { selfCaused: compiled.training.kind, ...counters.training };
}
