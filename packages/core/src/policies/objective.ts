import type { AroundPolicy } from '../registry.ts';
import { compileConstraints } from './bounds.ts';
import { byMetric, type WeighedMetric } from './by-metric.ts';
import { constrained } from './constrained.ts';

/**
 * What a point's objective asks of its policy beyond a reward: constraints, and metrics that are kept one by one. A policy
 * that does not learn plain rewards (a balancer, a linear model, an ensemble) keeps what it keeps.
 */
export const underObjective: AroundPolicy = (policy, objective) => {
  const metrics = Object.keys(objective).flatMap((metric): WeighedMetric[] => {
    const declared = objective[metric];
    if (metric === 'range' || metric === 'constraints' || typeof declared !== 'object') return [];
    const { weight, range } = declared as Omit<WeighedMetric, 'metric'>;
    return [{ metric, weight, range }];
  });
  const { learnsReward } = policy;
  const kept =
    metrics.length > 0 && learnsReward !== undefined ? byMetric(policy, learnsReward, metrics) : policy;
  return objective.constraints === undefined ? kept : constrained(kept, compileConstraints(objective));
};
