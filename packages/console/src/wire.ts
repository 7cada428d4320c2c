/** What comes over the wire, by the names the runtime itself gives it. */
import type { ControlsStatus, NodeEvent, NodeStatus, PointReport, PointSpec } from '@ganglion/core';

export type {
  Acknowledgement,
  ArmReport,
  AuditEntry,
  ControlsStatus,
  Decision,
  Estimate,
  GuardReport,
  JsonValue,
  KillStatus,
  LeaseStatus,
  LiftReport,
  NodeEvent,
  NodeStatus,
  OverrideStatus,
  PointMode,
  PointReport,
  PointSpec,
  Quantiles,
  Reason,
  Tier,
  TrailEntry,
} from '@ganglion/core';

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

/** The three answers a page needs before anything can be shown. */
export interface TreeAnswer {
  readonly nodes: readonly NodeStatus[];
  readonly points: readonly PointEntry[];
  readonly controls: ControlsStatus;
}

/** A server-sent event that this page knows how to read. */
export type EventKind = NodeEvent['kind'];
