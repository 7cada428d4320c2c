/** Ganglion's core: learned decisions that run anywhere and can always be stopped. */
export * from './aggregator.ts';
export type * from './comparison.ts';
export * from './control.ts';
export { DIGEST_PATTERN, MODEL_LIMITS, type ModelEntry } from './controls/model-state.ts';
export { encodeContext, type Field } from './decision/context.ts';
export type { CompiledPoint } from './decision/define.ts';
export { compilePoint } from './decision/define.ts';
export type { Decision, Reason, TrailEntry, TypedDecision } from './decision/record.ts';
export { REASONS } from './decision/record.ts';
export { definePoint } from './decision/schema.ts';
export type * from './decision/spec.ts';
export { declaredArms } from './decision/spec.ts';
export { modelOf, running } from './decision/versions.ts';
export * from './detector.ts';
export * from './detectors/index.ts';
export * from './errors.ts';
export * from './evidence.ts';
export * from './experiment/index.ts';
export type * from './feature.ts';
export * from './federated/index.ts';
export * from './guard.ts';
export * from './kernels.ts';
export type { Moments, MomentsEvidence, MomentsOptions } from './learners/moments.ts';
export {
  moments,
  OUTCOMES as MOMENTS_OUTCOMES,
  W as MOMENTS_WEIGHT,
  WX as MOMENTS_SUM,
  WXX as MOMENTS_SQUARES,
} from './learners/moments.ts';
export * from './limits.ts';
export { nearest, unknownKeyMend } from './nearest.ts';
export type {
  FeatureReplay,
  HostedNode,
  HostOptions,
  LoggedDecision,
  LoggedFeature,
  NodeOptions,
  NodeTuning,
  ReadLog,
  ReadLogOptions,
  SeenFeatures,
  StoredEvent,
} from './node.ts';
export { checkStoredControls, createNode, featureReplay, readEvents, readLog } from './node.ts';
export type * from './node-api.ts';
/** Strict readers of declared options, for factories of one's own. */
export * as options from './options.ts';
export * from './policy.ts';
export type * from './ports.ts';
export * from './registry.ts';
export type { Interval, SequenceOptions, Sums } from './stats/sequential.ts';
export { differenceSequence, meanSequence } from './stats/sequential.ts';
export type * from './status.ts';
export { decodeMessage, encodeMessage } from './sync/codec.ts';
export type * from './sync/messages.ts';
export { PROTOCOL } from './sync/messages.ts';
