/** Times and bounds of a node. All durations in ms. */
export interface NodeTuning {
  /** Between messages to the parent when nothing presses. */
  readonly heartbeatMs: number;
  /** After which an unanswered message is built anew. */
  readonly resendMs: number;
  /** Least time between two bases of one learner to one child. */
  readonly totalEveryMs: number;
  /** Least time between two reports of itself to the parent. */
  readonly telemetryEveryMs: number;
  /** The view is rebuilt after this many outcomes … */
  readonly refreshOutcomes: number;
  /** … or this long. */
  readonly refreshMs: number;
  /** Most outcomes a second that one origin can plausibly have. */
  readonly plausibleOutcomesPerSecond: number;
  /** The root folds superseded origins unchanged for this long into one … */
  readonly foldAfterMs: number;
  /** … and the newest of a node after this long without a change or a word. */
  readonly foldAbsentAfterMs: number;
  /**
   * Nodes below are forgotten in reports after this long without a word; so is, at the root, feedback for a node that nobody
   * has heard of, but never before the longest attribution window and correction have passed.
   */
  readonly forgetNodeMs: number;
  /**
   * Learners that no declaration means (of points that nobody declared, or as they were declared before) are forgotten this
   * long after the last change of their evidence, by nodes that are in touch with the root.
   */
  readonly forgetLearnerMs: number;
  /** Most feedback items of own clients that may wait here: for the disk, or on their way. */
  readonly intakeMax: number;
  /**
   * Most decisions that may wait for the disk, and most bytes of journals: those beyond are answered and joined like any,
   * counted as `decision_not_logged`, and forgotten by a crash.
   */
  readonly unsavedMax: number;
  readonly unsavedBytesMax: number;
  /** Most events for features that may wait for the disk, every 256 characters of one counting as one; those of one domain at most half of it. */
  readonly ingestMax: number;
  /** An event stamped further ahead of this node's clock is refused; one within it counts as of now. */
  readonly eventAheadMs: number;
  /** An event that is older is refused. */
  readonly eventLateMs: number;
  /** Ids of events are remembered at least this long … */
  readonly eventIdsMs: number;
  /** … unless more than so many come within it. */
  readonly eventIdsMax: number;
  /** Most items from children, and most from the parent, that may be on their way here. */
  readonly relayMax: number;
  /** Between two looks for what the journals need keep no longer. */
  readonly trimEveryMs: number;
  /** Decisions and outcomes are kept this long for evaluation; never less than a restart needs. */
  readonly logKeptMs: number;
  /** Most units that are remembered as counted, of a point; beyond them a share of the new ones is counted. */
  readonly countedUnitsMax: number;
  /** The audit is kept this long. */
  readonly auditKeptMs: number;
  /**
   * A child that has not been heard of for so much of this node's running time is waited for no more after a restart, and
   * forgotten once no lease of it can run.
   */
  readonly forgetChildMs: number;
  /** A restarted root grants leases after every known child has handed back its controls, or after this long. */
  readonly restartGraceMs: number;
}

export const DEFAULT_TUNING: NodeTuning = {
  heartbeatMs: 1000,
  resendMs: 3000,
  totalEveryMs: 1000,
  telemetryEveryMs: 1000,
  refreshOutcomes: 32,
  refreshMs: 1000,
  plausibleOutcomesPerSecond: 1_000_000,
  foldAfterMs: 7 * 86_400_000,
  foldAbsentAfterMs: 90 * 86_400_000,
  forgetNodeMs: 86_400_000,
  forgetLearnerMs: 30 * 86_400_000,
  intakeMax: 1_000_000,
  relayMax: 1_000_000,
  unsavedMax: 1_000_000,
  unsavedBytesMax: 256 << 20,
  ingestMax: 200_000,
  eventAheadMs: 60_000,
  eventLateMs: 7 * 86_400_000,
  eventIdsMs: 3_600_000,
  eventIdsMax: 500_000,
  trimEveryMs: 3_600_000,
  logKeptMs: 7 * 86_400_000,
  countedUnitsMax: 1 << 20,
  auditKeptMs: 400 * 86_400_000,
  forgetChildMs: 30 * 86_400_000,
  restartGraceMs: 30_000,
};
