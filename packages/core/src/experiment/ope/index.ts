/** Off-policy evaluation: what another policy would have brought, from what this one did. */

/** Seeded chance, for candidates that are known by sampling. */
export { type Stream, stream } from '../../stats/random.ts';
export { type DifferenceOptions, differenceOf, type PairedDifference } from './difference.ts';
export { type Estimate, MIN_RARE, rareAmong } from './estimate.ts';
export { ESTIMATORS, type Estimator, type EstimatorName } from './estimators.ts';
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  type NamedEstimate,
} from './evaluation.ts';
export {
  type BootstrapOptions,
  type Bounds,
  bcaInterval,
  empiricalBernstein,
  type IntervalKind,
  normalInterval,
  percentileInterval,
  standardErrorOf,
} from './intervals.ts';
export * from './modelled.ts';
export { type Overlap, overlapOf, unsupportedMass } from './overlap.ts';
export { REFUSAL_RULE, type Refusal, type RefusalReason, type RefusalRule, refusalsOf } from './refusal.ts';
export { type CountedReplay, type ReplayOptions, replay, replayedRewards } from './replaying.ts';
export { crossFit, foldsOf, type RewardModelOptions, type RewardRows } from './reward-model.ts';
export {
  type LoggedColumns,
  type ModelColumns,
  type Sample,
  type SampleOptions,
  sampleOf,
} from './sample.ts';
export { type SlateColumns, type SlateModel, slateIps, slateSnips, slateWeights } from './slate.ts';
export { meanTerms, type Terms, valueOfTerms } from './terms.ts';
export { chooseLambda, chooseTau, errorBound } from './tuning.ts';
export { ips, snips } from './weighting.ts';
