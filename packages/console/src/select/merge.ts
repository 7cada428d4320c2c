import type { ArmReport, Estimate, GuardReport, LiftReport, PointReport, Quantiles } from '../wire.ts';

/** A point as several nodes see it, put together. */
export interface MergedReport extends PointReport {
  /**
   * Quantiles of several nodes cannot be added up: the treated ones are then the largest of any node and those of the
   * holdout the smallest, so that what is claimed of them holds for the whole.
   */
  readonly bounds: boolean;
}

const UNKNOWN: Estimate = { mean: null, low: null, high: null, n: 0 };

/**
 * The reports of all nodes as one. Counters are sums; the mode, the versions and what was learned are the answering
 * node's, which has everybody's evidence.
 *
 * @param answering - the report of the node that answers, a decider itself or not.
 * @param others - those of the nodes below it.
 * @param silent - nodes that have not been heard lately: what they did counts, the rate they had does not.
 */
export function mergeReports(
  answering: PointReport,
  others: readonly PointReport[],
  silent: ReadonlySet<string>,
): MergedReport {
  const all = [answering, ...others];
  const sum = (of: (report: PointReport) => number) => all.reduce((total, report) => total + of(report), 0);
  const decisions = sum((report) => report.decisions);
  const heard = all.filter((report) => !silent.has(report.node));
  return {
    ...answering,
    decisions,
    decisionsPerSecond: heard.reduce((total, report) => total + report.decisionsPerSecond, 0),
    outcomes: sum((report) => report.outcomes),
    pending: sum((report) => report.pending),
    expired: sum((report) => report.expired),
    unjoined: sum((report) => report.unjoined),
    thinned: sum((report) => report.thinned ?? 0),
    unknownPropensity: sum((report) => report.unknownPropensity),
    reasons: mergeReasons(all),
    arms: answering.arms.map((arm) => mergeArm(arm, all, heard, decisions)),
    lift: mergeLift(all),
    guards: answering.guards.map((guard, i) => mergeGuard(guard, i, all)),
    bounds: all.filter((report) => report.lift.some((one) => one.quantiles?.treated.p50 != null)).length > 1,
  };
}

function mergeReasons(all: readonly PointReport[]): PointReport['reasons'] {
  const sum = { ...all[0].reasons };
  for (const { reasons } of all.slice(1))
    for (const reason of Object.keys(sum) as (keyof typeof sum)[]) sum[reason] += reasons?.[reason] ?? 0;
  return sum;
}

/** An arm over all nodes. The reward is the word of the node that knows most: evidence is shared, and not to be added twice. */
function mergeArm(
  own: ArmReport,
  all: readonly PointReport[],
  heard: readonly PointReport[],
  total: number,
): ArmReport {
  const same = all.flatMap((report) => report.arms.filter((arm) => arm.arm === own.arm));
  const sum = (of: (arm: ArmReport) => number) => same.reduce((n, arm) => n + of(arm), 0);
  const decisions = sum((arm) => arm.decisions);
  return {
    arm: own.arm,
    allocation: allocationOf(own, heard),
    share: total === 0 ? null : decisions / total,
    decisions,
    inflight: sum((arm) => arm.inflight),
    reward: same.map((arm) => arm.reward).reduce((a, b) => (b.n > a.n ? b : a), UNKNOWN),
    failures: sum((arm) => arm.failures),
  };
}

/** What a treated unit would get on average, over the nodes that decide, by how much they decide. */
function allocationOf(own: ArmReport, heard: readonly PointReport[]): number | null {
  let weight = 0;
  let sum = 0;
  for (const report of heard) {
    const allocation = report.arms.find((arm) => arm.arm === own.arm)?.allocation ?? null;
    if (allocation === null || report.decisionsPerSecond <= 0) continue;
    weight += report.decisionsPerSecond;
    sum += allocation * report.decisionsPerSecond;
  }
  return weight > 0 ? sum / weight : own.allocation;
}

function mergeLift(all: readonly PointReport[]): readonly LiftReport[] {
  const metrics = [...new Set(all.flatMap((report) => report.lift.map((one) => one.metric)))];
  return metrics.map((metric) => {
    const parts = all.flatMap((report) => report.lift.filter((one) => one.metric === metric));
    return parts.length === 1 ? parts[0] : mergeMetric(metric, parts);
  });
}

/**
 * One metric over several nodes: plain means of all units, for every node holds out the same share. The intervals are
 * the nodes' own, averaged with the same weights: never narrower than one interval over all outcomes would be.
 */
function mergeMetric(metric: string, parts: readonly LiftReport[]): LiftReport {
  // Too few outcomes for an interval on one node must not take it from all the others.
  const certain = parts.filter((part) => part.difference.low !== null);
  const used = certain.length > 0 ? certain : parts;
  const treated = pooled(used.map((part) => part.treated));
  const holdout = pooled(used.map((part) => part.holdout));
  const mean = treated.mean === null || holdout.mean === null ? null : treated.mean - holdout.mean;
  // Intervals of bounded metrics are not symmetric: each side is averaged for itself.
  let below = 0;
  let above = 0;
  for (const { treated: t, holdout: h, difference: d } of certain) {
    const weight = Math.max(t.n / treated.n, h.n / holdout.n);
    below += weight * (d.mean! - d.low!);
    above += weight * (d.high! - d.mean!);
  }
  const known = mean !== null && certain.length > 0;
  const difference: Estimate = {
    mean,
    low: known ? mean - below : null,
    high: known ? mean + above : null,
    n: treated.n + holdout.n,
  };
  return { metric, treated, holdout, difference, quantiles: mergeQuantiles(parts) };
}

function pooled(estimates: readonly Estimate[]): Estimate {
  const n = estimates.reduce((sum, estimate) => sum + estimate.n, 0);
  const mean = (of: (estimate: Estimate) => number | null): number | null => {
    let sum = 0;
    for (const estimate of estimates) {
      const value = of(estimate);
      if (value === null && estimate.n > 0) return null;
      sum += (value ?? 0) * (estimate.n / n);
    }
    return n === 0 ? null : sum;
  };
  return { mean: mean((e) => e.mean), low: mean((e) => e.low), high: mean((e) => e.high), n };
}

function mergeQuantiles(parts: readonly LiftReport[]): LiftReport['quantiles'] {
  const known = parts.flatMap((part) => part.quantiles ?? []);
  if (known.length === 0) return undefined;
  const pick = (side: 'treated' | 'holdout', name: keyof Quantiles): number | null => {
    const values = known.map((one) => one[side][name]).filter((value) => value !== null);
    if (values.length === 0) return null;
    return side === 'treated' ? Math.max(...values) : Math.min(...values);
  };
  const side = (which: 'treated' | 'holdout'): Quantiles => ({
    p50: pick(which, 'p50'),
    p95: pick(which, 'p95'),
    p99: pick(which, 'p99'),
  });
  return { treated: side('treated'), holdout: side('holdout') };
}

/** Most nodes whose different words are shown of one guard. */
const WORDS = 3;

function mergeGuard(own: GuardReport, index: number, all: readonly PointReport[]): GuardReport {
  const same = all.flatMap((report) => {
    const guard = report.guards[index];
    return guard?.guard === own.guard ? [{ node: report.node, guard }] : [];
  });
  const spoken = same.filter(({ guard }) => guard.why !== '');
  const words = [...new Set(spoken.map(({ guard }) => guard.why))];
  const more = spoken.length > WORDS ? ` · and ${spoken.length - WORDS} more nodes` : '';
  const why =
    words.length <= 1
      ? (words[0] ?? '')
      : spoken
          .slice(0, WORDS)
          .map(({ node, guard }) => `${node}: ${guard.why}`)
          .join(' · ') + more;
  const interventions = same.reduce((sum, { guard }) => sum + guard.interventions, 0);
  return { guard: own.guard, interventions, why, state: all.length === 1 ? own.state : null };
}
