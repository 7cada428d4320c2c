import { compileObjective } from '../decision/objective.ts';
import type { PointSpec } from '../decision/spec.ts';
import type { Range } from '../experiment/lift.ts';

/**
 * Range of one outcome of a metric, where it has one: the reward as declared, yes-or-no metrics by convention, and
 * costs that end where their default (a deadline) is declared.
 */
export function rangeOf(metric: string, spec: PointSpec): Range {
  if (metric === 'reward') return compileObjective({ objective: spec.objective }).range;
  if (metric === 'success' || metric === 'error') return [0, 1];
  const defaults = spec.attribution?.default ?? {};
  return Object.hasOwn(defaults, metric) && defaults[metric] > 0 ? [0, defaults[metric]] : undefined;
}
