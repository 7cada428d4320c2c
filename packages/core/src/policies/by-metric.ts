import type { Decayed } from '../learners/decayed.ts';
import { metricMoments } from '../learners/metric-moments.ts';
import type { Policy } from '../policy.ts';
import { clamp } from './bounds.ts';

/** A metric of the objective, its weight now, and the range of its values. */
export interface WeighedMetric {
  readonly metric: string;
  readonly weight: number;
  readonly range: readonly [number, number];
}

/**
 * A policy that learns rewards made into one that keeps metrics: its evidence is their joint moments, and what the inner
 * policy sees of it is the moments of the reward under the weights of now. So weights can be changed, and everything
 * learned before counts under the new ones, as if they had always been these.
 */
export function byMetric(
  inner: Policy,
  learns: NonNullable<Policy['learnsReward']>,
  metrics: readonly WeighedMetric[],
): Policy {
  const evidence = metricMoments(
    metrics.map(({ range }) => range),
    learns.halfLifeMs,
  );
  const weights = metrics.map(({ weight }) => weight);
  const read = (kept: Decayed) => evidence.read(kept, weights, learns.centre);
  const policy: Policy<Decayed, unknown> = {
    ...inner,
    name: `${inner.name}+metrics/1`,
    evidence,
    keepsMetrics: true,
    learnsReward: undefined,
    view: (own, others, at, previous) => inner.view(read(own), read(others), at, previous),
    learn: (own, outcome) => {
      const values = metrics.map(({ metric, range }) => clamp(outcome.metrics[metric] ?? Number.NaN, range));
      // Without all of them there was no reward either: the pipeline waits for them.
      if (values.some(Number.isNaN)) return own;
      evidence.record(own, outcome.armKey, values, outcome.sign * outcome.weight, outcome.atMs);
      return own;
    },
  };
  return policy as Policy;
}
