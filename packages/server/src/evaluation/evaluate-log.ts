import {
  crossFit,
  type EstimatorName,
  type Evaluation,
  evaluate,
  type IntervalKind,
  type RefusalRule,
  type Sample,
  sampleOf,
  unsupportedMass,
} from '@ganglion/core/ope';
import type { Candidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';
import { featuresOf } from './features.ts';
import type { UnseenValues } from './unseen-values.ts';
import { type WeightCounts, weightCounts } from './weight-counts.ts';

export interface EvaluateLogOptions {
  readonly estimators?: readonly EstimatorName[] | undefined;
  readonly level: number;
  readonly interval: IntervalKind;
  readonly resamples: number;
  readonly seed: number;
  readonly folds: number;
  readonly clip?: number | undefined;
  readonly rule?: Partial<RefusalRule> | undefined;
  /** Says what is under way. */
  readonly say?: ((what: string) => void) | undefined;
}

export interface CandidateEvaluation extends Evaluation {
  readonly candidate: string;
  readonly how: string;
  readonly weights: WeightCounts;
  /** Categories of the log that the candidate does not declare. */
  readonly unseen: readonly UnseenValues[];
}

/** What a candidate would have brought on a log. @throws GanglionError `invalid_input` for a log that cannot be right */
export function evaluateLog(
  log: DecisionLog,
  candidate: Candidate,
  options: EvaluateLogOptions,
): CandidateEvaluation {
  const { sample, unsupported } = sampleFor(log, candidate, options);
  const evaluation = evaluate(sample, {
    ...options,
    range: log.range,
    declared: log.rangeSeen !== true,
    unsupported,
    onEstimator: (name) => options.say?.(`resampling ${name}`),
  });
  return {
    candidate: candidate.name,
    how: candidate.how,
    weights: weightCounts(sample.weight),
    unseen: candidate.unseen ?? [],
    ...evaluation,
  };
}

/** A log as estimators read it for a candidate, with the share of what it does that the log never did; null without rows. */
export function sampleFor(
  log: DecisionLog,
  candidate: Candidate,
  options: Pick<EvaluateLogOptions, 'estimators' | 'folds' | 'seed' | 'clip' | 'say'>,
): { readonly sample: Sample; readonly unsupported: number | null } {
  const { say } = options;
  const arms = log.arms.length;
  const p = new Float64Array(arms);
  const taken = new Float64Array(log.rows);
  const asked = neverDone(log);
  say?.(`asking ${candidate.name} about ${log.rows} decisions`);
  for (let row = 0; row < log.rows; row++) {
    candidate.fill(row, p);
    taken[row] = Math.min(1, p[log.arm[row]]);
    asked.add(p, row);
  }
  const needsModel = options.estimators?.some((name) => name !== 'ips' && name !== 'snips') ?? true;
  const modelled = needsModel && log.rows >= options.folds;
  if (modelled) say?.('fitting the reward model');
  const model = modelled
    ? crossFit({ ...featuresOf(log), reward: log.reward, arm: log.arm, arms }, candidate.fill, {
        folds: options.folds,
        seed: options.seed,
      })
    : undefined;
  const { propensity, reward, range } = log;
  const sample = sampleOf({ reward, propensity, candidate: taken, model }, { clip: options.clip, range });
  return { sample, unsupported: asked.share() };
}

/** A log's arm that had no less was sure; older logs round the sums of their shares. */
const SURE = 1 - 1e-6;

/**
 * Sums up, row by row, the share of what a candidate does that the log never did; null without rows. Where the log was sure of
 * its arm it could not have done another, though another row shows it: a learner that never draws is sure in every row.
 */
export function neverDone(log: DecisionLog): {
  add(p: ArrayLike<number>, row: number): void;
  share(): number | null;
} {
  const arms = log.arms.length;
  const mass = new Float64Array(arms);
  const seen = new Uint8Array(arms);
  for (let row = 0; row < log.rows; row++) seen[log.arm[row]] = 1;
  let impossible = 0;
  return {
    add(p, row) {
      const done = log.arm[row];
      if (log.propensity[row] > SURE) {
        mass[done] += p[done] / log.rows;
        impossible += Math.max(0, 1 - p[done]) / log.rows;
      } else for (let a = 0; a < arms; a++) mass[a] += p[a] / log.rows;
    },
    share() {
      if (log.rows === 0) return null;
      // What the candidate gives to arms that the log does not even name is missing from the sum.
      const named = mass.reduce((sum, each) => sum + each, impossible);
      const share = Math.min(1, unsupportedMass(seen, mass) + impossible + Math.max(0, 1 - named));
      return share < 1e-9 ? 0 : share;
    },
  };
}
