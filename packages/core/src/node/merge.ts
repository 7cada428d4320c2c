import type { ArmReport, GuardReport, LiftReport, PointReport, SideSums } from '../status.ts';
import { addBuckets } from './outcome-stats.ts';
import { liftOf, pointReport, rangeOf } from './report.ts';
import type { NodeState } from './state.ts';
import { knownReports } from './telemetry.ts';

/**
 * A point over this node and everything below it, as last heard: counts and comparisons of all, mode, allocation and
 * rewards as this node's own view has them. @throws GanglionError `unknown_point`
 */
export function subtreeReport(node: NodeState, point: string): PointReport {
  const own = pointReport(node, point);
  return knownReports(node, point).reduce(merge, own);
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
    unknownPropensity: a.unknownPropensity + b.unknownPropensity,
    arms: mergeArms(a, b),
    lift: mergeLift(a.lift, b.lift, a.spec.objective?.range ?? [0, 1]),
    guards: mergeGuards(a.guards, b.guards),
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
    return {
      ...arm,
      share,
      decisions: arm.decisions + other.decisions,
      inflight: arm.inflight + other.inflight,
      failures: arm.failures + other.failures,
    };
  });
}

function mergeLift(
  a: readonly LiftReport[],
  b: readonly LiftReport[],
  rewards: readonly [number, number],
): LiftReport[] {
  const metrics = new Set([...a, ...b].map((lift) => lift.metric));
  return [...metrics].map((metric) => {
    const mine = a.find((lift) => lift.metric === metric);
    const theirs = b.find((lift) => lift.metric === metric);
    if (mine?.sums === undefined || theirs?.sums === undefined) return (mine ?? theirs) as LiftReport;
    return liftOf(
      metric,
      addSides(mine.sums.treated, theirs.sums.treated),
      addSides(mine.sums.holdout, theirs.sums.holdout),
      rangeOf(metric, rewards),
    );
  });
}

function addSides(a: SideSums, b: SideSums): SideSums {
  const recent =
    a.recent === undefined && b.recent === undefined ? undefined : addBuckets(a.recent ?? [], b.recent ?? []);
  return { n: a.n + b.n, sum: a.sum + b.sum, squares: a.squares + b.squares, recent };
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
