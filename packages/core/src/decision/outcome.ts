import { show } from '../errors.ts';
import type { GuardOutcome } from '../guard.ts';
import { FEEDBACK_LIMITS, isAmount, METRIC_PATTERN, NUMBER_LIMITS, type Problem } from '../limits.ts';
import type { FeedbackItem } from '../node-api.ts';
import type { Outcome } from '../policy.ts';
import {
  DEFAULTED,
  type DecisionRecord,
  EXPIRED,
  EXPOSED,
  FAILED,
  OWED,
  RELEASED,
  SELF,
  SETTLED,
  TRAINED,
  WITHHELD,
} from './decision-record.ts';
import { end, endProblem } from './episodes.ts';
import { learnsLate, mayTeach, trainingWeight } from './forecast.ts';
import { rewardUnder } from './objective.ts';
import { at, close, shift } from './pending.ts';
import { countersOf, countFailure, type PointState, releaseArm } from './point-state.ts';
import type { Reason } from './record.ts';
import { assume, setMetric, setTruth } from './told.ts';

/** Where trained outcomes go: the slot of the incarnation that decided. */
export interface Teaching {
  /** `refused`: nothing was learned, and what was to be corrected stands. */
  learn(state: PointState, outcome: Outcome): 'learned' | 'refused';
  /** Something settled; for statistics and events. */
  settled(state: PointState, record: DecisionRecord): void;
  /** Its window has passed; in the order of the decisions. */
  closed(state: PointState, record: DecisionRecord): void;
  /** It leaves the queue, and has taught what it could; in the order of the decisions. */
  left(state: PointState, record: DecisionRecord): void;
  /** Its outcome came while the learner was frozen: it is to be remembered that it never taught. */
  withheld(state: PointState, record: DecisionRecord): void;
}

/** Of a decision that nothing has been told of: by any name there is none, also by those that every object inherits. */
const NO_METRICS: Readonly<Record<string, number>> = Object.freeze(Object.create(null));

const KEYS: readonly string[] = ['id', 'metrics', 'reward', 'truth', 'done', 'revision'];

/** What is wrong with an item by itself, whatever decision it is for: the one judge of it, here and at the rim. */
export function checkFeedback(item: unknown): Problem | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return bad('', 'feedback must be an object', 'Send {"id": "…", "metrics": {…}}.');
  for (const key in item)
    if (!KEYS.includes(key))
      return bad(key.slice(0, 64), `${key.slice(0, 64)} is not a key of feedback`, `Use ${KEYS.join(', ')}.`);
  const { id, metrics, reward, revision, truth, done } = item as Record<string, unknown>;
  if (typeof id !== 'string' || id.length === 0 || id.length > FEEDBACK_LIMITS.idLength)
    return bad('id', 'id must be the text a decision came with', 'Send the id of a decision.');
  if (metrics === undefined && reward === undefined && truth === undefined && done === undefined)
    return bad('', 'nothing is told', 'Give metrics, reward, truth or done.');
  if (done !== undefined && typeof done !== 'boolean')
    return bad('done', 'done must be true or false', 'Send true with the last decision of an episode.');
  return checkMetrics(metrics) ?? checkTruth(truth) ?? checkReward(reward) ?? checkRevision(revision);
}

function bad(field: string, message: string, mend: string): Problem {
  return { code: 'invalid_input', field, message, mend };
}

const MOST = String(NUMBER_LIMITS.largest);
const WITHIN = `of at most ${MOST} in magnitude`;

function checkMetrics(metrics: unknown): Problem | undefined {
  if (metrics === undefined) return undefined;
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics))
    return bad('metrics', 'metrics must be an object', 'Send numbers by name: {"latencyMs": 12}.');
  let count = 0;
  for (const name in metrics) {
    if (++count > FEEDBACK_LIMITS.metrics) return TOO_MANY;
    const at = `metrics.${name.slice(0, 64)}`;
    if (!METRIC_PATTERN.test(name))
      return bad(
        at,
        `${at} is not the name of a metric`,
        'Use letters, digits, dot, dash and underscore, 128 at most; reward and truth have their own place.',
      );
    const value = (metrics as Record<string, unknown>)[name];
    if (!isAmount(value))
      return bad(
        at,
        `${at} is ${show(value)}, which is no finite number within the limits`,
        `Send a number ${WITHIN}, in a larger unit where it is too large; true and false are 1 and 0.`,
      );
  }
  return undefined;
}

const TOO_MANY: Problem = bad(
  'metrics',
  `at most ${FEEDBACK_LIMITS.metrics} metrics a decision`,
  'Send those that the point or its readers use.',
);

function checkTruth(truth: unknown): Problem | undefined {
  if (truth === undefined || typeof truth === 'boolean' || isAmount(truth)) return undefined;
  if (typeof truth === 'string' && truth.length <= FEEDBACK_LIMITS.truthLength) return undefined;
  return bad(
    'truth',
    `truth is ${show(truth)}; it must be text of at most ${FEEDBACK_LIMITS.truthLength} characters, a finite number, true or false`,
    `Send what turned out to be right; a number ${WITHIN}.`,
  );
}

function checkReward(reward: unknown): Problem | undefined {
  if (reward === undefined || isAmount(reward)) return undefined;
  return bad(
    'reward',
    `reward is ${show(reward)}, which is no finite number within the limits`,
    `Send the value of the objective as a number ${WITHIN}.`,
  );
}

function checkRevision(revision: unknown): Problem | undefined {
  if (revision === undefined) return undefined;
  if (
    Number.isInteger(revision) &&
    (revision as number) >= 0 &&
    (revision as number) <= FEEDBACK_LIMITS.revision
  )
    return undefined;
  return bad(
    'revision',
    `revision must be a whole number from 0 to ${FEEDBACK_LIMITS.revision}`,
    'Count corrections of one outcome from 0.',
  );
}

/**
 * Joins one checked item to its decision. The idempotency key is (id, metric, revision): the same value again is a
 * duplicate, another value under the same revision a conflict, a higher revision replaces, a lower one came late.
 */
export function joinFeedback(
  state: PointState,
  record: DecisionRecord,
  item: FeedbackItem,
  teaching: Teaching,
  monoMs: number,
): 'joined' | 'duplicate' | Problem {
  const revision = item.revision ?? 0;
  const reward = item.reward;
  const [low, high] = state.compiled.objective.range;
  if (reward !== undefined && (reward < low || reward > high))
    return {
      code: 'invalid_input',
      field: 'reward',
      message: `reward is ${reward}, outside [${low}, ${high}] as the point declares`,
      mend: 'Send it in the unit of objective.range, or declare a range that holds it.',
    };
  if (reward !== undefined && state.compiled.objective.ranges !== undefined)
    return {
      code: 'invalid_input',
      field: 'reward',
      message: 'this point learns by metric: a reward as such says nothing of them',
      mend: `Send the metrics: ${state.compiled.objective.metrics.join(', ')}.`,
    };
  const problem =
    conflictIn(record, item, revision) ??
    crowdIn(record, item) ??
    endProblem(state, record, (item.metrics?.done ?? 0) >= 0.5);
  if (problem !== undefined) return problem;
  // What was trained with is kept as it was: a correction takes exactly that back.
  if ((record.state & TRAINED) !== 0) record.metrics = Object.assign(Object.create(null), record.metrics);
  let news = false;
  if (item.metrics !== undefined)
    for (const name in item.metrics) if (setMetric(record, name, item.metrics[name], revision)) news = true;
  if (reward !== undefined && setMetric(record, 'reward', reward, revision)) news = true;
  if (item.truth !== undefined && setTruth(record, item.truth, revision)) news = true;
  if (!news) return 'duplicate';
  record.state |= EXPOSED;
  end(state, record);
  hearFailure(state, record, monoMs);
  teach(state, record, teaching, monoMs);
  return 'joined';
}

/** What is kept of a decision is bounded, however often something is said of it. */
function crowdIn(record: DecisionRecord, { metrics }: FeedbackItem): Problem | undefined {
  if (record.metrics === undefined || metrics === undefined) return undefined;
  let count = Object.keys(record.metrics).length;
  for (const name in metrics) if (record.metrics[name] === undefined) count++;
  // Beside them the reward and the truth.
  return count <= FEEDBACK_LIMITS.metrics + 2 ? undefined : TOO_MANY;
}

function conflictIn(record: DecisionRecord, item: FeedbackItem, revision: number): Problem | undefined {
  const clash = (name: string, value: number): boolean =>
    record.revisions?.[name] === revision && record.metrics?.[name] !== value;
  let name: string | undefined;
  for (const metric in item.metrics) if (clash(metric, item.metrics[metric])) name = metric;
  if (item.reward !== undefined && clash('reward', item.reward)) name = 'reward';
  if (item.truth !== undefined && record.revisions?.truth === revision) {
    const known = record.truth ?? record.metrics?.truth;
    if (known !== (typeof item.truth === 'string' ? item.truth : Number(item.truth))) name = 'truth';
  }
  if (name === undefined) return undefined;
  return {
    code: 'feedback_conflict',
    field: name === 'reward' || name === 'truth' ? name : `metrics.${name}`,
    message: `${name} was already reported otherwise under revision ${revision}; send a higher revision to correct it`,
  };
}

/** The objective's value, NaN while a metric it needs is missing. */
export function rewardOf(state: PointState, metrics: Readonly<Record<string, number>> | undefined): number {
  return rewardUnder(state.compiled.objective, metrics);
}

/** Whether the policy, which keeps metrics beside the reward, would learn otherwise than it did. */
function learnsAnew({ compiled }: PointState, record: DecisionRecord, reward: number): boolean {
  if (reward !== record.trainedReward) return true;
  const { constrained, metrics, ranges } = compiled.objective;
  if (compiled.policy.reads?.some((metric) => record.metrics?.[metric] !== record.trainedMetrics?.[metric]))
    return true;
  const differs = (metric: string) => record.metrics?.[metric] !== record.trainedMetrics?.[metric];
  return constrained.some(differs) || (ranges !== undefined && metrics.some(differs));
}

/**
 * Trains once all of the reward is known, if that is before the window closes; a correction takes the old reward back at
 * its original weight first. A decision that has expired had its chance: it was counted as one without an outcome.
 */
function teach(state: PointState, record: DecisionRecord, teaching: Teaching, monoMs: number): void {
  if ((record.state & EXPIRED) !== 0) return;
  const reward = rewardOf(state, record.metrics);
  if (Number.isNaN(reward)) return;
  if (record.trains && isTaught(state, record, teaching)) {
    if (!learnsLate(state, record)) {
      if ((record.state & TRAINED) !== 0) {
        if (!learnsAnew(state, record, reward)) return settle(state, record, teaching, monoMs);
        const before = outcomeOf(state, record, record.trainedReward, -1, record.trainedMetrics);
        if (teaching.learn(state, before) === 'refused') return settle(state, record, teaching, monoMs);
      }
      record.trainedReward = reward;
      record.trainedMetrics = record.metrics;
      record.state |= TRAINED;
      teaching.learn(state, outcomeOf(state, record, reward, 1));
    } else {
      // Learned once, when it leaves the queue.
      record.trainedReward = reward;
      record.state |= OWED;
    }
  }
  settle(state, record, teaching, monoMs);
}

/**
 * Whether this outcome may teach now. What comes while the learner is frozen never will, nor will a correction of it: what
 * was learned of the decision before then stands. Counted once.
 */
function isTaught(state: PointState, record: DecisionRecord, teaching: Teaching): boolean {
  const { training } = countersOf(state);
  const isNew = (record.state & (SETTLED | WITHHELD)) === 0;
  if (isNew) {
    if ((record.state & SELF) === 0) training.others++;
    else training.caused++;
  }
  if (mayTeach(state, record)) return true;
  if (trainingWeight(state, record) === 0) {
    if (isNew) training.heldBack++;
    return false;
  }
  if (isNew) training.frozen++;
  if ((record.state & WITHHELD) === 0) {
    record.state |= WITHHELD;
    teaching.withheld(state, record);
  }
  return false;
}

function outcomeOf(
  state: PointState,
  record: DecisionRecord,
  reward: number,
  sign: 1 | -1,
  metrics = record.metrics,
): Outcome {
  return {
    arm: record.armIndex,
    armKey: state.source.armKeys[record.armIndex],
    armKeys: state.source.armKeys,
    reward,
    propensity: record.probability,
    weight: record.weight * trainingWeight(state, record),
    sign,
    atMs: record.treeMs,
    context: Float64Array.from(record.encodedContext),
    metrics: metrics ?? NO_METRICS,
    noted: record.noted,
  };
}

/** Once a decision: in flight no longer; guards and local signals hear of it. */
function settle(state: PointState, record: DecisionRecord, teaching: Teaching, monoMs: number): void {
  if ((record.state & SETTLED) !== 0) return;
  record.state |= SETTLED;
  countersOf(state).awaiting--;
  release(state, record);
  if (record.armIndex >= 0) {
    const metrics = record.metrics ?? NO_METRICS;
    const outcome = guardOutcome(record, metrics, monoMs);
    const heard = (record.state & FAILED) !== 0;
    for (let i = 0; i < state.compiled.guards.length; i++) {
      const { guard } = state.compiled.guards[i];
      if (!heard || guard.hearsFailuresAtOnce !== true) guard.settled?.(state.guards[i], outcome);
    }
    if (outcome.failed === true) countFailure(state, record.armIndex);
    const reward = rewardOf(state, metrics);
    if (!Number.isNaN(reward)) {
      countersOf(state).outcomes++;
      state.compiled.policy.settled?.(
        state.view.current,
        record.armIndex,
        outcomeOf(state, record, reward, 1),
        monoMs,
      );
    }
  }
  teaching.settled(state, record);
}

/** A failure need not wait for the rest of the reward: a breaker that hears of it late lets more calls fail. */
function hearFailure(state: PointState, record: DecisionRecord, monoMs: number): void {
  if ((record.state & (SETTLED | FAILED)) !== 0 || record.armIndex < 0) return;
  const metrics = record.metrics ?? NO_METRICS;
  if (failedBy(metrics) !== true || !Number.isNaN(rewardOf(state, metrics))) return;
  record.state |= FAILED;
  const outcome = guardOutcome(record, metrics, monoMs);
  for (let i = 0; i < state.compiled.guards.length; i++) {
    const { guard } = state.compiled.guards[i];
    if (guard.hearsFailuresAtOnce === true) guard.settled?.(state.guards[i], outcome);
  }
}

function guardOutcome(
  record: DecisionRecord,
  metrics: Readonly<Record<string, number>>,
  monoMs: number,
): GuardOutcome {
  return {
    arm: record.armIndex,
    nowMs: monoMs,
    startedMs: record.monoMs,
    latencyMs: metrics.latencyMs ?? Number.NaN,
    failed: failedBy(metrics),
    metrics,
    unitHash: record.unitHash,
    chosen: PASSED_GUARDS.has(record.reason),
  };
}

/** Of such decisions guards have heard when they were made. */
const PASSED_GUARDS: ReadonlySet<Reason> = new Set(['policy', 'baseline', 'escalated', 'sticky', 'override']);

/** The convention for guards: `success` (1 or 0) says so; else `error` > 0 is a failure; else nobody knows. */
export function failedBy(metrics: Readonly<Record<string, number>>): boolean | undefined {
  if (metrics.success !== undefined) return metrics.success < 0.5;
  if (metrics.error !== undefined) return metrics.error > 0;
  return undefined;
}

export function release(state: PointState, record: DecisionRecord): void {
  if ((record.state & RELEASED) !== 0) return;
  record.state |= RELEASED;
  releaseArm(state, record);
}

/**
 * Closes windows that have passed, oldest first, at most `limit` records a call. Silence becomes the declared default
 * for exposed decisions only, and never while intake lags: an outage is not a wave of failures.
 * Returns how many records were touched.
 */
export function expireOutcomes(
  state: PointState,
  teaching: Teaching,
  monoMs: number,
  intakeLags: boolean,
  limit: number,
): number {
  const { compiled, pending } = state;
  let touched = 0;
  // Decisions are made in order, so those past their window are a prefix of the queue, and `closed` says how long.
  while (pending.closed < pending.size && touched < limit) {
    const record = at(pending, pending.closed);
    if (monoMs - record.monoMs <= compiled.windowMs) break;
    if ((record.state & SETTLED) === 0) {
      if (intakeLags) break;
      expire(state, record, teaching, monoMs);
    }
    close(pending);
    teaching.closed(state, record);
    touched++;
  }
  while (pending.closed > 0 && touched < limit) {
    const record = at(pending, 0);
    if (monoMs - record.monoMs <= compiled.keptMs) break;
    if (
      learnsLate(state, record) &&
      record.trains &&
      mayTeach(state, record) &&
      (record.state & (TRAINED | EXPIRED)) === 0 &&
      !Number.isNaN(rewardOf(state, record.metrics))
    ) {
      record.state |= TRAINED;
      teaching.learn(state, outcomeOf(state, record, record.trainedReward, 1));
    }
    shift(pending);
    teaching.left(state, record);
    touched++;
  }
  return touched;
}

function expire(state: PointState, record: DecisionRecord, teaching: Teaching, monoMs: number): void {
  const { defaults } = state.compiled;
  if (defaults !== undefined && (record.state & EXPOSED) !== 0 && record.armIndex >= 0) {
    record.state |= DEFAULTED;
    assume(record, defaults);
    teach(state, record, teaching, monoMs);
  }
  if ((record.state & SETTLED) === 0) {
    countersOf(state).expired++;
    record.state |= EXPIRED;
    settle(state, record, teaching, monoMs);
  }
}
