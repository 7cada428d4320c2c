import type { Estimate, PointSpec } from '../wire.ts';
import { duration, number, percent, UNKNOWN } from './format.ts';

/** Which way is better; null where the spec does not say. */
export type Direction = 'up' | 'down' | null;

/**
 * Which way a metric of this point is better: the sign of its weight in the objective, else its constraint, else
 * nothing is claimed. `reward` and `success`, which the runtime itself knows, are better up.
 */
export function directionOf(spec: PointSpec, metric: string): Direction {
  if (metric === 'reward') return 'up';
  const objective: Readonly<Record<string, unknown>> = spec.objective ?? {};
  const declared = objective[metric];
  const weight =
    typeof declared === 'object' && declared !== null ? (declared as { weight?: unknown }).weight : declared;
  if (typeof weight === 'number' && weight !== 0) return weight > 0 ? 'up' : 'down';
  if (metric === 'success') return 'up';
  const constraints = objective.constraints;
  if (!Array.isArray(constraints)) return null;
  const bound = constraints.find((one): one is { max?: number; min?: number } => one?.metric === metric);
  if (bound === undefined) return null;
  return bound.max !== undefined ? 'down' : bound.min !== undefined ? 'up' : null;
}

const RATES =
  /^(success|failure|error|failed|conversion|converted|click|clicked|accepted|correct)$|(Rate|Share)$/;

/** How the values of a metric are written; its name carries the unit, as everywhere in Ganglion. */
export function formatMetric(metric: string, value: number | null): string {
  if (value === null) return UNKNOWN;
  if (metric.endsWith('Ms')) return duration(value);
  if (RATES.test(metric)) return percent(value);
  return number(value);
}

/** As `formatMetric`, with a plus sign; differences of shares are points, not per cent. */
export function formatDifference(metric: string, value: number | null): string {
  if (value === null) return UNKNOWN;
  const sign = value > 0 ? '+' : '';
  if (metric.endsWith('Ms')) return sign + duration(value);
  if (RATES.test(metric)) return `${sign}${number(value * 100, 2)}\u202fpts`;
  return sign + number(value);
}

/** `[low, high]`, or what stands in the way of it. */
export function formatInterval(
  metric: string,
  estimate: Estimate,
  format: (metric: string, value: number | null) => string = formatMetric,
): string {
  if (estimate.low === null || estimate.high === null) return 'interval unknown';
  return `${format(metric, estimate.low)} to ${format(metric, estimate.high)}`;
}

/** A metric's name for a person: `latencyMs` → `latency`, `errorRate` → `error rate`. */
export function metricTitle(metric: string): string {
  return metric
    .replace(/Ms$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase();
}
