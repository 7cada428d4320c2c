import type { ComparedMetric } from '../comparison.ts';
import { nearest } from '../nearest.ts';
import { refuse } from '../options.ts';
import type { CompiledPoint } from './define.ts';

/** Metrics that feedback names by convention, whatever a point declares. */
const USUAL = ['reward', 'success', 'error', 'latencyMs', 'truth'];

/**
 * What a guard says by itself is checked when it is made; this is how guards fit the rest of their point: a metric that
 * is probably misspelt, a guardrail of which nobody knows what harms it, and two that want the same units. It is asked of
 * whoever declares, and never of what stands already: a point on a disk, or a parent's, runs on as it did.
 * @throws GanglionError `invalid_spec`
 */
export function checkGuards(point: CompiledPoint): void {
  const named = namedMetrics(point);
  const layers = new Map<string, number>();
  point.guards.forEach(({ guard, kind }, i) => {
    const path = `guards[${i}]`;
    const { counts, layer } = guard;
    for (const { metrics } of guard.comparisons ?? [])
      for (const metric of metrics) checkDirection(metric, point);
    if (counts !== undefined) checkMetric(counts.metric, `${path}.${counts.option}`, counts.words, named);
    if (layer === undefined) return;
    const before = layers.get(layer);
    if (before !== undefined)
      refuse(
        path,
        '',
        kind,
        `takes its units from the layer of guards[${before}]: only one of the two has a say`,
        `Keep one ${kind}, or give one of them a salt of its own.`,
      );
    layers.set(layer, i);
  });
}

/**
 * Feedback may tell metrics that no declaration names, so an unknown one is no mistake; one that is a slip away from a
 * name that there is, is. Stricter than for keys, of which all are known.
 */
function checkMetric(
  metric: string,
  field: string,
  words: readonly string[],
  named: ReadonlySet<string>,
): void {
  if (named.has(metric) || words.includes(metric)) return;
  const others = [...words, ...named].filter((other) => wordsOf(other) !== wordsOf(metric));
  const meant = nearest(metric, others, slips(metric));
  if (meant === undefined) return;
  refuse(
    field,
    '',
    metric,
    'is a metric that the declaration names nowhere else',
    `Did you mean ${meant}? Otherwise name ${metric} in the objective or in attribution.default too.`,
  );
}

/** Names that differ by numbers alone are of one family: `p95Ms` is no slip of `p99Ms`. */
const wordsOf = (metric: string): string => metric.replaceAll(/\d/g, '');

/** How many letters apart two names may be, and one still a slip of the other. */
const slips = (metric: string): number => Math.max(1, Math.floor(metric.length / 4));

/** What nobody knows the harm of guards nothing: taken for higher is better, a bounce rate that trebles is good news. */
function checkDirection({ metric, assumed }: ComparedMetric, { objective, defaults }: CompiledPoint): void {
  if (assumed === undefined) return;
  const named = [...USUAL, ...objective.metrics, ...Object.keys(defaults ?? {})];
  const meant = named.includes(metric) ? undefined : nearest(metric, named, slips(metric));
  refuse(
    assumed,
    '',
    undefined,
    `is missing: nothing tells which way the guardrail ${metric} should go`,
    `${meant === undefined ? 'Say' : `Did you mean ${meant}? Otherwise say`} better: lower or better: higher.`,
  );
}

function namedMetrics({ objective, defaults, comparisons }: CompiledPoint): ReadonlySet<string> {
  const compared = comparisons.flatMap(({ metrics }) => metrics.map(({ metric }) => metric));
  return new Set([
    ...USUAL,
    ...objective.metrics,
    ...objective.constrained,
    ...Object.keys(defaults ?? {}),
    ...compared,
  ]);
}
