import type { PointCounters, PointState } from '../decision/point-state.ts';
import type { Reason } from '../decision/record.ts';
import type { PointSpec } from '../decision/spec.ts';
import { meanDifference, meanEstimate, type Range } from '../experiment/lift.ts';
import type { ArmEstimate } from '../policy.ts';
import type {
  ArmReport,
  Estimate,
  GuardReport,
  LeaseStatus,
  LiftReport,
  NodeStatus,
  PointMode,
  PointReport,
  Quantiles,
  SideSums,
} from '../status.ts';
import { sumOwn } from '../sync/slots.ts';
import { experimentReports } from './comparing.ts';
import { bucketQuantiles, type MetricSums, recentBuckets } from './outcome-stats.ts';
import { rangeOf } from './ranges.ts';
import type { NodeState } from './state.ts';
import { unknownPoint } from './unknown-point.ts';
import { frozenLearners, trainingReport, validationReport } from './validating.ts';

/** What one node says of one of its points; `experiments`: theirs too, which have their own way up. @throws GanglionError `unknown_point` */
export function pointReport(node: NodeState, point: string, experiments = true): PointReport {
  const state = node.points.get(point);
  if (state === undefined) throw unknownPoint(node, point);
  const { compiled, counters } = state;
  const { mode, why } = modeOf(node, state);
  const learner = node.learners.get(state.learnerKey);
  const evidence = compiled.policy.evidence;
  return {
    point,
    node: node.name,
    tier: node.tier,
    spec: compiled.spec,
    specVersion: state.source.specVersion,
    mode,
    why,
    decisions: counters.decisions,
    decisionsPerSecond: node.pointRates.get(point)?.rate ?? 0,
    outcomes: counters.outcomes,
    pending: counters.awaiting,
    expired: counters.expired,
    unjoined: counters.unjoined,
    ...(state.pending.plan.counts ? { thinned: counters.thinned + state.pending.passedOver } : {}),
    unknownPropensity: counters.unknownPropensity,
    reasons: reasonsOf(counters),
    arms: armReports(node, state),
    lift: liftReports(node, point, compiled.spec),
    experiments: experiments ? experimentReports(node, state, 'self') : [],
    guards: guardReports(state),
    ...memberReports(state),
    ...constraintReports(state),
    ...slateReport(state),
    ...validated(node, state),
    viewVersion: state.view.version,
    pooled: {
      ownOutcomes: learner === undefined ? 0 : evidence.outcomes(sumOwn(learner.slots)),
      othersOutcomes: learner === undefined ? 0 : evidence.outcomes(learner.others.current),
    },
  };
}

function validated(node: NodeState, state: PointState): Pick<PointReport, 'validation' | 'training'> {
  const validation = validationReport(node, state, 'self');
  const training = trainingReport(state);
  return {
    ...(validation === undefined ? {} : { validation }),
    ...(training === undefined ? {} : { training }),
  };
}

function reasonsOf({ decisions, reasons }: PointCounters): Record<Reason, number> {
  let others = 0;
  for (const reason in reasons) others += reasons[reason as Reason];
  return { ...reasons, policy: decisions - others };
}

export function modeOf(node: NodeState, state: PointState): { mode: PointMode; why: string } {
  const { ruling, compiled } = state;
  if (ruling.kill !== undefined) return { mode: 'killed', why: ruling.kill.why };
  if (node.moment.leaseAgeMs > compiled.leaseMs && compiled.onExpiry === 'fallback')
    return { mode: 'lease_expired', why: 'no word from the root within the lease' };
  const everybody = ruling.overrides.find(
    ({ override }) =>
      Object.keys(override.segment).length === 0 &&
      (override.expiresMs === null || node.moment.treeMs < override.expiresMs),
  );
  if (everybody !== undefined) return { mode: 'overridden', why: everybody.verdict.why };
  return { mode: 'learning', why: '' };
}

function armReports(node: NodeState, state: PointState): ArmReport[] {
  const stats = node.stats.get(state.compiled.name);
  const recent = node.pointRates.get(state.compiled.name)?.recentByArm;
  const { compiled, counters, inflight, view } = state;
  const described = compiled.policy.describe?.(view.current, compiled.arms.length);
  const lately = recent?.length === compiled.arms.length ? recent : counters.decisionsByArm;
  const total = lately.reduce((sum, n) => sum + n, 0);
  return compiled.armIds.map((arm, i) => {
    const estimate = described?.[i];
    const sums = { ...(stats?.arms.get(compiled.arms[i].key) ?? { n: 0, sum: 0, squares: 0 }) };
    return {
      arm,
      allocation: estimate?.allocation ?? null,
      share: total === 0 ? null : lately[i] / total,
      decisions: counters.decisionsByArm[i],
      inflight: inflight[i],
      reward:
        estimate === undefined
          ? meanEstimate(sums, compiled.objective.range)
          : within(estimate, compiled.objective.range),
      sums,
      failures: counters.failuresByArm[i],
      ...artifactReport(node, state, i, stats?.latencies.get(compiled.arms[i].key)),
    };
  });
}

function artifactReport(
  node: NodeState,
  { compiled, ruling }: PointState,
  arm: number,
  latencies: MetricSums | undefined,
): Pick<ArmReport, 'artifact' | 'latency'> {
  const artifact = compiled.artifacts?.[arm];
  if (artifact === undefined) return {};
  const { model, version, digest, latency: metric = 'latencyMs' } = artifact;
  const told = { artifact: { model, version, digest, stopped: ruling.armsAllowed[arm] === 0 } };
  if (latencies === undefined) return told;
  const sums = sideOf(latencies, node);
  return { ...told, latency: { metric, quantiles: quantilesOf(sums), sums } };
}

/** A posterior may reach beyond what a reward can be; what is shown of it ends there. */
function within({ mean, low, high, n }: ArmEstimate, [least, most]: readonly [number, number]): Estimate {
  const clip = (value: number | null) => (value === null ? null : Math.min(most, Math.max(least, value)));
  return { mean: clip(mean), low: clip(low), high: clip(high), n };
}

function memberReports({ compiled, view, ruling }: PointState): Pick<PointReport, 'members'> {
  const members = compiled.policy.describeMembers?.(view.current);
  if (members === undefined) return {};
  return { members: members.map((each, m) => ({ ...each, stopped: ruling.stopped?.[m] === 1 })) };
}

function slateReport({ compiled, slate, view }: PointState): Pick<PointReport, 'slate'> {
  if (compiled.slate === undefined) return {};
  return {
    slate: {
      slates: slate.slates,
      examination: compiled.policy.describePositions?.(view.current) ?? [],
      givenExamination: Array.isArray(compiled.spec.slate?.examination) ? 'declared' : 'learned',
      diversityCost: slate.costed === 0 ? null : slate.costSum / slate.costed,
    },
  };
}

function constraintReports({ compiled, view }: PointState): Pick<PointReport, 'constraints'> {
  const estimates = compiled.policy.describeConstraints?.(view.current);
  if (estimates === undefined) return {};
  const constraints = estimates.flatMap((each, a) =>
    each.map((estimate) => ({ arm: compiled.armIds[a], ...estimate })),
  );
  return { constraints };
}

function guardReports(state: PointState): GuardReport[] {
  return state.compiled.guards.map(({ guard }, i) => ({
    guard: guard.name,
    interventions: state.counters.guardInterventions[i],
    why: state.counters.guardWhy[i],
    state: (guard.describe ?? guard.snapshot)?.call(guard, state.guards[i]) ?? null,
  }));
}

/** Treated units beside the holdout, for each metric that both have. */
function liftReports(node: NodeState, point: string, spec: PointSpec): LiftReport[] {
  const stats = node.stats.get(point);
  if (stats === undefined) return [];
  const out: LiftReport[] = [];
  for (const metric of new Set([...stats.treated.keys(), ...stats.holdout.keys()]))
    out.push(
      liftOf(
        metric,
        sideOf(stats.treated.get(metric), node),
        sideOf(stats.holdout.get(metric), node),
        rangeOf(metric, spec),
      ),
    );
  return out;
}

function sideOf(sums: MetricSums | undefined, node: NodeState): SideSums {
  if (sums === undefined) return { n: 0, sum: 0, squares: 0 };
  const { n, sum, squares, least, most, recent } = sums;
  const side = { n, sum, squares, least, most };
  return recent === undefined ? side : { ...side, recent: recentBuckets(recent, node.moment.monoMs) };
}

/** A declared range that outcomes have left is no range. */
function holds(range: Range, sides: readonly SideSums[]): boolean {
  return (
    range !== undefined &&
    sides.every(({ least, most }) => (least ?? range[0]) >= range[0] && (most ?? range[1]) <= range[1])
  );
}

/** A comparison from the sums of both sides, whether of one node or of many. */
export function liftOf(metric: string, treated: SideSums, holdout: SideSums, declared: Range): LiftReport {
  const range = holds(declared, [treated, holdout]) ? declared : undefined;
  const timed = treated.recent !== undefined || holdout.recent !== undefined;
  return {
    metric,
    treated: meanEstimate(treated, range),
    holdout: meanEstimate(holdout, range),
    difference: meanDifference(treated, holdout, range),
    sums: { treated, holdout },
    ...(timed ? { quantiles: { treated: quantilesOf(treated), holdout: quantilesOf(holdout) } } : {}),
  };
}

export function quantilesOf(side: SideSums): Quantiles {
  const [p50, p95, p99] = bucketQuantiles(side.recent ?? [], [0.5, 0.95, 0.99]);
  return { p50, p95, p99 };
}

export function leaseStatus(node: NodeState): LeaseStatus {
  if (node.isRoot) return { state: 'root' };
  const age = node.moment.leaseAgeMs;
  if (!Number.isFinite(age)) return { state: 'none' };
  let shortest = Number.POSITIVE_INFINITY;
  for (const { compiled } of node.points.values()) shortest = Math.min(shortest, compiled.leaseMs);
  if (!Number.isFinite(shortest)) shortest = DEFAULT_LEASE_MS;
  return age > shortest
    ? { state: 'expired', sinceMs: age - shortest }
    : { state: 'held', remainingMs: shortest - age };
}

const DEFAULT_LEASE_MS = 30_000;

/** Declarations that cannot run here, each with its reason: a few, and how many more. */
function leftOut(node: NodeState): readonly string[] {
  const named = [...node.leftOut].slice(0, NAMED).map(([point, why]) => {
    const what = node.points.has(point) ? 'goes on as it was declared before' : 'is left out';
    return `point ${point} ${what}: ${why.slice(0, 300)}`;
  });
  const more = node.leftOut.size - named.length;
  return more > 0 ? [...named, `${more} more points are left out`] : named;
}

const NAMED = 10;

export function nodeStatus(node: NodeState): NodeStatus {
  const lease = leaseStatus(node);
  const problems: string[] = [];
  if (node.closed) problems.push('it has been closed');
  if (node.flushFailures > 0) problems.push(`storage fails: ${node.lastFlushError}`);
  if (lease.state === 'expired') problems.push('the lease has run out: overseen points serve their fallback');
  if (lease.state === 'none') problems.push('no lease yet: overseen points serve their fallback');
  for (const quarantine of node.controls.quarantines.values())
    if (quarantine.node === node.name) problems.push(`quarantined: ${quarantine.reason}`);
  problems.push(...frozenLearners(node));
  problems.push(...leftOut(node));
  if (node.refused.evidence_set_aside !== undefined)
    problems.push('evidence on this disk could not be read and was set aside: learned anew');
  return {
    node: node.name,
    tier: node.tier,
    incarnation: node.incarnation,
    parent: node.path[1] ?? null,
    health: problems.length > 0 ? 'degraded' : 'healthy',
    problems,
    lease,
    parentAgeMs:
      node.parent === undefined || !Number.isFinite(node.parent.lastHeardMs)
        ? null
        : node.moment.monoMs - node.parent.lastHeardMs,
    parentRttMs: node.parent === undefined || !Number.isFinite(node.parent.rttMs) ? null : node.parent.rttMs,
    ageMs: 0,
    storage: node.ports.storage === undefined ? 'memory' : node.flushFailures > 0 ? 'failing' : 'durable',
    decisionsPerSecond: node.counters.rate,
    decisions: node.counters.decisions,
    outcomes: node.counters.outcomes,
    controlVersion: node.durableDigest,
    points: [...node.points].map(([point, state]) => ({
      point,
      mode: modeOf(node, state).mode,
      decisionsPerSecond: node.pointRates.get(point)?.rate ?? 0,
    })),
    quarantined: [...new Set([...node.controls.quarantines.values()].map((q) => q.node))],
    refused: { ...node.refused },
  };
}
