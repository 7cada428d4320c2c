/** What comes over the wire, by the names the runtime itself gives it. */
import type { PointReport, PointSpec, ValidationReport } from '@ganglion/core';

export type {
  Acknowledgement,
  ArmReport,
  AuditEntry,
  ControlsStatus,
  Decision,
  Estimate,
  ExperimentReport,
  GuardReport,
  JsonValue,
  KillStatus,
  LiftReport,
  NodeEvent,
  NodeStatus,
  OverrideStatus,
  PointMode,
  PointReport,
  PointSpec,
  Quantiles,
  Reason,
  TrailEntry,
  ValidationReport,
} from '@ganglion/core';
export type {
  EvaluateAnswer,
  EvaluatedCandidate,
  EvaluateRequest,
  HistoryAnswer,
  KillAnswer,
  ModelAnswer,
  ModelStatus,
} from '@ganglion/sdk';

/** A learner in which decay was found, on one node. */
export type FrozenLearner = ValidationReport['frozen'][number];

/** Predictions of one bin beside what came. */
export type CalibrationBin = ValidationReport['calibration']['bins'][number];

/** One element of `GET /v1/points`. */
export interface PointEntry {
  readonly spec: PointSpec;
  readonly version: number;
}

/** `GET /v1/points/{point}/report`: the answering node's view of the tree, and each deciding node's own. */
export interface ReportAnswer {
  readonly report: PointReport;
  readonly nodes: readonly PointReport[];
}
