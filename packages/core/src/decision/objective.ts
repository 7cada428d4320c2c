import { GanglionError } from '../errors.ts';
import { isAmount, NAME_PATTERN, NUMBER_LIMITS } from '../limits.ts';
import {
  AMOUNT,
  checkWidth,
  given,
  number,
  type Options,
  object,
  onlyKeys,
  range as readRange,
  refuse,
} from '../options.ts';

/** What is good, ready to be asked of every outcome. */
export interface CompiledObjective {
  /** Empty: the reward comes as `reward`. */
  readonly metrics: readonly string[];
  readonly weights: readonly number[];
  readonly range: readonly [number, number];
  /** Range of each metric, where every metric is declared with one: values beyond it count as its ends. */
  readonly ranges: readonly (readonly [number, number])[] | undefined;
  /** Metrics under constraints: an outcome is whole only when they are known too. */
  readonly constrained: readonly string[];
}

/** Reads `objective`. @throws GanglionError `invalid_spec` */
export function compileObjective(raw: Options): CompiledObjective {
  if (raw.objective === undefined)
    return { metrics: [], weights: [], range: [0, 1], ranges: undefined, constrained: [] };
  const objective = object(raw.objective, 'objective');
  const metrics: string[] = [];
  const weights: number[] = [];
  const ranges: (readonly [number, number])[] = [];
  for (const key of Object.keys(objective)) {
    if (key === 'range' || key === 'constraints') continue;
    if (!NAME_PATTERN.test(key))
      throw new GanglionError('invalid_spec', `objective.${key} is not available`, {
        field: `objective.${key}`,
        mend: 'Give metric: weight pairs and a range.',
      });
    metrics.push(key);
    if (typeof objective[key] !== 'object') {
      weights.push(number(objective, key, AMOUNT, 'objective'));
      continue;
    }
    const at = `objective.${key}`;
    const metric = object(objective[key], at);
    onlyKeys(metric, ['weight', 'range'], at);
    weights.push(number(metric, 'weight', AMOUNT, at));
    ranges.push(readRange(metric.range, `${at}.range`));
  }
  const constrained = constrainedMetrics(objective);
  if (ranges.length === 0) {
    const range = readRange(objective.range ?? [0, 1], 'objective.range');
    return { metrics, weights, range, ranges: undefined, constrained };
  }
  if (ranges.length < metrics.length)
    refuse(
      'objective',
      '',
      objective,
      'has metrics with a range and others without',
      'Give each metric a range, or none.',
    );
  if (given(objective, 'range'))
    refuse('objective', 'range', objective.range, 'follows from the metrics', 'Leave it out.');
  return { metrics, weights, range: reach(weights, ranges), ranges, constrained };
}

function constrainedMetrics(objective: Options): readonly string[] {
  if (!Array.isArray(objective.constraints)) return [];
  // Checked by the policy that keeps them.
  return objective.constraints.flatMap((each: unknown) => {
    const metric =
      typeof each === 'object' && each !== null ? (each as { metric?: unknown }).metric : undefined;
    return typeof metric === 'string' ? [metric] : [];
  });
}

/** The least and the most that the weighted sum can be. */
function reach(
  weights: readonly number[],
  ranges: readonly (readonly [number, number])[],
): readonly [number, number] {
  let low = 0;
  let high = 0;
  weights.forEach((weight, i) => {
    const ends = [weight * ranges[i][0], weight * ranges[i][1]];
    low += Math.min(...ends);
    high += Math.max(...ends);
  });
  if (!(low < high))
    refuse('objective', '', weights, 'weighs nothing', 'Give a metric a weight that is not 0.');
  if (!isAmount(low) || !isAmount(high))
    refuse(
      'objective',
      '',
      [low, high],
      'reaches too far',
      `Give weights under which the sum is at most ${NUMBER_LIMITS.largest} in magnitude.`,
    );
  checkWidth(high - low, Math.max(Math.abs(low), Math.abs(high)), 'objective', '', [low, high]);
  return [low, high];
}

/**
 * What of the objective a learner's evidence depends on. Bounds never do; neither do weights, where what was learned is
 * kept by metric: changing them lets it be read anew.
 */
export function objectiveShape(
  raw: Options,
  { metrics, ranges }: CompiledObjective,
  byMetric: boolean,
): unknown {
  if (raw.objective === undefined) return {};
  const { constraints, ...rest } = object(raw.objective, 'objective');
  const kept = byMetric ? Object.fromEntries(metrics.map((metric, i) => [metric, ranges?.[i]])) : rest;
  if (!Array.isArray(constraints)) return kept;
  const watched = constraints.map(({ metric, range, halfLife }) => ({ metric, range, halfLife }));
  return { ...kept, constraints: watched };
}

/** The objective's value, NaN while a metric it needs is missing. */
export function rewardUnder(
  objective: CompiledObjective,
  metrics: Readonly<Record<string, number>> | undefined,
): number {
  if (metrics === undefined) return Number.NaN;
  const { constrained, ranges, range } = objective;
  for (let i = 0; i < constrained.length; i++) if (metrics[constrained[i]] === undefined) return Number.NaN;
  if (metrics.reward !== undefined) return metrics.reward;
  if (objective.metrics.length === 0) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < objective.metrics.length; i++) {
    let value = metrics[objective.metrics[i]];
    if (value === undefined) return Number.NaN;
    if (ranges !== undefined) value = Math.min(ranges[i][1], Math.max(ranges[i][0], value));
    sum += objective.weights[i] * value;
  }
  return Math.min(range[1], Math.max(range[0], sum));
}
