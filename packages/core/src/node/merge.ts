import type { Reason } from '../decision/record.ts';
import type { PointSpec } from '../decision/spec.ts';
import { meanEstimate } from '../experiment/lift.ts';
import type { ArmReport, GuardReport, LiftReport, PointReport, SideSums, TrainingReport } from '../status.ts';
import { experimentReports } from './comparing.ts';
import { addBuckets } from './outcome-stats.ts';
import { rangeOf } from './ranges.ts';
import { liftOf, pointReport, quantilesOf } from './report.ts';
import type { NodeState } from './state.ts';
import { reportsBelow } from './telemetry.ts';
import { mergeValidation, validationReport } from './validating.ts';

/**
 * A point over this node and everything below it, as last heard: counts and comparisons of all, mode, allocation and
 * rewards as this node's own view has them. @throws GanglionError `unknown_point`
 */
export function subtreeReport(node: NodeState, point: string): PointReport {
  const state = node.points.get(point);
  const own = pointReport(node, point, false);
  if (state === undefined) return own;
  // Counted by evidence: each decision once, of nodes that are silent too.
  const validation = validationReport(node, state, 'subtree');
  const below = reportsBelow(node, point);
  const merged = below.reduce(merge, validation === undefined ? own : { ...own, validation });
  const lift = below.length === 0 ? own.lift : merged.lift.map((each) => compared(each, own.spec));
  return { ...merged, lift, experiments: experimentReports(node, state, 'subtree') };
}

function merge(a: PointReport, b: PointReport): PointReport {
  return {
    ...a,
    decisions: a.decisions + b.decisions,
    decisionsPerSecond: a.decisionsPerSecond + b.decisionsPerSecond,
    outcomes: a.outcomes + b.outcomes,
    pending: a.pending + b.pending,
    expired: a.expired + b.expired,
    unjoined: a.unjoined + b.unjoined,
    ...(a.thinned === undefined ? {} : { thinned: a.thinned + (b.thinned ?? 0) }),
    unknownPropensity: a.unknownPropensity + b.unknownPropensity,
    reasons: addReasons(a.reasons, b.reasons),
    arms: mergeArms(a, b),
    lift: addLift(a.lift, b.lift),
    guards: mergeGuards(a.guards, b.guards),
    ...(a.validation === undefined
      ? {}
      : { validation: mergeValidation(a.validation, b.validation, rangeOf('reward', a.spec) ?? [0, 1]) }),
    ...(a.training === undefined ? {} : { training: addTraining(a.training, b.training) }),
  };
}

/** One of another version may count reasons that this one does not know, or none. */
function addReasons(a: PointReport['reasons'], b: Partial<PointReport['reasons']> | undefined) {
  const sum = { ...a };
  for (const reason of Object.keys(sum) as Reason[]) sum[reason] += b?.[reason] ?? 0;
  return sum;
}

function addTraining(a: TrainingReport, b: TrainingReport | undefined): TrainingReport {
  if (b === undefined) return a;
  return {
    ...a,
    caused: a.caused + b.caused,
    others: a.others + b.others,
    heldBack: a.heldBack + b.heldBack,
    frozen: a.frozen + b.frozen,
  };
}

function mergeArms(a: PointReport, b: PointReport): ArmReport[] {
  const weight = a.decisionsPerSecond + b.decisionsPerSecond;
  return a.arms.map((arm) => {
    const other = b.arms.find((each) => each.arm === arm.arm);
    if (other === undefined) return arm;
    const share =
      weight === 0
        ? (arm.share ?? other.share)
        : ((arm.share ?? 0) * a.decisionsPerSecond + (other.share ?? 0) * b.decisionsPerSecond) / weight;
    const sums =
      arm.sums === undefined || other.sums === undefined ? arm.sums : addSides(arm.sums, other.sums);
    return {
      ...arm,
      share,
      sums,
      // Where the policy itself says what an arm is worth, this node's own view stands.
      ...(arm.allocation === null && sums !== undefined
        ? { reward: meanEstimate(sums, rangeOf('reward', a.spec)) }
        : {}),
      decisions: arm.decisions + other.decisions,
      inflight: arm.inflight + other.inflight,
      failures: arm.failures + other.failures,
      ...mergeLatency(arm.latency, other.latency),
    };
  });
}

function mergeLatency(a: ArmReport['latency'], b: ArmReport['latency']): Pick<ArmReport, 'latency'> {
  if (a === undefined || b === undefined) {
    const one = a ?? b;
    return one === undefined ? {} : { latency: one };
  }
  const sums = addSides(a.sums, b.sums);
  return { latency: { metric: a.metric, quantiles: quantilesOf(sums), sums } };
}

/** Sums alone: intervals are found once of all, for they cost more than the rest together. */
function addLift(a: readonly LiftReport[], b: readonly LiftReport[]): LiftReport[] {
  const metrics = new Set([...a, ...b].map((lift) => lift.metric));
  return [...metrics].map((metric) => {
    const mine = a.find((lift) => lift.metric === metric);
    const theirs = b.find((lift) => lift.metric === metric);
    if (mine?.sums === undefined || theirs?.sums === undefined) return (mine ?? theirs) as LiftReport;
    const treated = addSides(mine.sums.treated, theirs.sums.treated);
    return { ...mine, sums: { treated, holdout: addSides(mine.sums.holdout, theirs.sums.holdout) } };
  });
}

function compared(lift: LiftReport, spec: PointSpec): LiftReport {
  const { metric, sums } = lift;
  return sums === undefined ? lift : liftOf(metric, sums.treated, sums.holdout, rangeOf(metric, spec));
}

function addSides(a: SideSums, b: SideSums): SideSums {
  const sum = { n: a.n + b.n, sum: a.sum + b.sum, squares: a.squares + b.squares };
  const recent =
    a.recent === undefined && b.recent === undefined ? undefined : addBuckets(a.recent ?? [], b.recent ?? []);
  if (a.n === 0 || b.n === 0) return { ...(a.n === 0 ? b : a), ...sum, recent };
  const least = Math.min(a.least ?? Number.NEGATIVE_INFINITY, b.least ?? Number.NEGATIVE_INFINITY);
  const most = Math.max(a.most ?? Number.POSITIVE_INFINITY, b.most ?? Number.POSITIVE_INFINITY);
  return { ...sum, least, most, recent };
}

function mergeGuards(a: readonly GuardReport[], b: readonly GuardReport[]): GuardReport[] {
  return a.map((guard, i) => {
    const other = b[i];
    if (other?.guard !== guard.guard) return guard;
    return {
      ...guard,
      interventions: guard.interventions + other.interventions,
      why: guard.why === '' ? other.why : guard.why,
    };
  });
}
