import { createHash } from 'node:crypto';
import {
  type Bounds,
  crossFit,
  type Estimate,
  type Evaluation,
  evaluate,
  replay,
  sampleOf,
} from '@ganglion/core/ope';
import { armsBetween, compiled, proposer, teacher, viewOf } from './candidate.ts';
import { contextReader, type DecisionLog } from './decision-log.ts';
import { type EvaluateLogOptions, neverDone } from './evaluate-log.ts';
import { featuresOf } from './features.ts';

export interface ReplayLogOptions extends EvaluateLogOptions {
  /** Largest weight a row is kept by; default: the number of arms, right for a uniform log. */
  readonly bound?: number | undefined;
  /** A new view is made after this many rows were learned from. */
  readonly everyRows: number;
}

/** What a policy did that learned along a log as if it had decided. */
export interface ReplayedLog {
  readonly policy: string;
  readonly rows: number;
  /** Rows that it would have decided alike, and so learned from. */
  readonly kept: number;
  readonly bound: number;
  /** Share of rows whose weight was above the bound: they are kept too seldom. */
  readonly clipped: number;
  /**
   * Mean reward of what was kept, with room for what the log never did; null where nothing was kept, or the evaluation is
   * refused because the log never did the most of it.
   */
  readonly replayed: Estimate | null;
  /** The same policy as it was at each row, by the estimators, over all rows. */
  readonly evaluation: Evaluation;
  /** SHA-256 over every probability, every row kept and every estimate: the same for the same log, policy and seed. */
  readonly digest: string;
}

/**
 * Runs a log through a point. At each row the policy is asked with what it has learned so far; where a seeded draw keeps
 * the row, the policy learns from it and its reward counts.
 */
export function replayLog(log: DecisionLog, declaration: unknown, options: ReplayLogOptions): ReplayedLog {
  const point = compiled(log, declaration);
  const { there } = armsBetween(log, point);
  const read = contextReader(log, point);
  const propose = proposer(log, point, read);
  const teach = teacher(log, point, there, read);
  const bound = options.bound ?? log.arms.length;
  const run = replay({ bound, seed: options.seed, above: 'clip' });
  const arms = log.arms.length;
  // What each arm was given at each row: the model-based estimators need it, and huge logs go without them.
  const modelled = log.rows * arms <= MAX_CELLS && log.rows >= options.folds;
  const given = new Float64Array(modelled ? log.rows * arms : 0);
  const taken = new Float64Array(log.rows);
  const kept = new Uint8Array(log.rows);
  const mine = new Float64Array(arms);
  const asked = neverDone(log);
  let own = point.policy.evidence.zero();
  let view = viewOf(point.policy, own, point, log.atMs?.[0] ?? 0, options.seed, undefined);
  let since = 0;
  for (let row = 0; row < log.rows; row++) {
    if (row % 10_000 === 0) options.say?.(`replaying ${row} of ${log.rows} decisions`);
    const p = propose(view, row);
    taken[row] = Math.min(1, p[there[log.arm[row]]]);
    for (let a = 0; a < arms; a++) mine[a] = p[there[a]];
    asked.add(mine, row);
    if (modelled) given.set(mine, row * arms);
    if (Number.isNaN(log.propensity[row]) || !run.accept(taken[row], log.propensity[row])) continue;
    kept[row] = 1;
    // Among the rows that are kept, arms come as the policy would have drawn them: with its own probability.
    const noted = point.policy.note?.(view, there[log.arm[row]]);
    own = teach(own, row, taken[row], noted);
    if (++since < options.everyRows) continue;
    since = 0;
    view = viewOf(point.policy, own, point, log.atMs?.[row] ?? 0, options.seed, view);
  }
  const evaluation = evaluated(log, taken, modelled ? given : undefined, asked.share(), options);
  const replayed = valueOfKept(log, kept, evaluation, options);
  const digest = createHash('sha256').update(taken).update(kept);
  return {
    policy: point.policy.name,
    rows: log.rows,
    kept: run.kept,
    bound,
    clipped: run.rows === 0 ? 0 : run.clipped / run.rows,
    replayed,
    evaluation,
    digest: digest.update(JSON.stringify({ evaluation, replayed })).digest('hex'),
  };
}

/** Cells of the matrix of probabilities, 8 bytes each. */
const MAX_CELLS = 50_000_000;

function evaluated(
  log: DecisionLog,
  taken: Float64Array,
  given: Float64Array | undefined,
  unsupported: number | null,
  options: ReplayLogOptions,
): Evaluation {
  const { reward, propensity, arm, range } = log;
  const arms = log.arms.length;
  const model =
    given === undefined
      ? undefined
      : crossFit(
          { ...featuresOf(log), reward, arm, arms },
          (row, out) => out.set(given.subarray(row * arms, (row + 1) * arms)),
          { folds: options.folds, seed: options.seed },
        );
  const sample = sampleOf({ reward, propensity, candidate: taken, model }, { clip: options.clip, range });
  return evaluate(sample, {
    ...options,
    range,
    declared: log.rangeSeen !== true,
    unsupported,
    onEstimator: (name) => options.say?.(`resampling ${name}`),
  });
}

/** Of what was never done nothing was kept: it may have brought anything in the range. */
function valueOfKept(
  { reward, range }: DecisionLog,
  kept: Uint8Array,
  { refused, room }: Evaluation,
  options: ReplayLogOptions,
): Estimate | null {
  if (refused.some(({ reason }) => reason === 'no_overlap')) return null;
  const rewards = reward.filter((_, row) => kept[row] === 1);
  const sure = new Float64Array(rewards.length).fill(1);
  const sample = sampleOf({ reward: rewards, propensity: sure, candidate: sure });
  const { logged } = evaluate(sample, { ...options, estimators: [], range });
  if (logged === null || room === null) return logged;
  const reach = room.mass * (range[1] - range[0]);
  const wider = ({ low, high }: Bounds): Bounds => ({
    low: Math.max(range[0], low - reach),
    high: Math.min(range[1], high + reach),
  });
  return { ...logged, ...wider(logged), bernstein: wider(logged.bernstein) };
}
