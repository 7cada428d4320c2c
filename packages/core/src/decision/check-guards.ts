import type { ComparedMetric } from '../comparison.ts';
import { nearest } from '../nearest.ts';
import { refuse } from '../options.ts';
import type { CompiledPoint } from './define.ts';

/** Metrics that feedback names by convention, whatever a point declares. */
const USUAL = ['reward', 'success', 'error', 'latencyMs', 'truth'];

/**
 * What a guard says by itself is checked when it is made; this is how guards fit the rest of their point: a metric that
 * is probably misspelt, a guardrail of which nobody knows what harms it, and two that want the same units. It is asked of whoever declares, and never of what stands
 * already: a point on a disk, or a parent's, runs on as it did.
 * @throws GanglionError `invalid_spec`
 */
export function checkGuards(point: CompiledPoint): void {
  const named = namedMetrics(point);
  const layers = new Map<string, number>();
  point.guards.forEach(({ guard, kind }, i) => {
    const path = `guards[${i}]`;
    const { counts, layer } = guard;
    for (const { metrics } of guard.comparisons ?? []) metrics.forEach(checkDirection);
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
  const meant = nearest(metric, [...words, ...named], Math.max(1, Math.floor(metric.length / 4)));
  if (meant === undefined) return;
  refuse(
    field,
    '',
    metric,
    'is a metric that the declaration names nowhere else',
    `Did you mean ${meant}? Otherwise name ${metric} in the objective or in attribution.default too.`,
  );
}

/** What nobody knows the harm of guards nothing: taken for higher is better, a bounce rate that trebles is good news. */
function checkDirection({ metric, assumed }: ComparedMetric): void {
  if (assumed === undefined) return;
  refuse(
    assumed,
    '',
    undefined,
    `is missing: nothing tells which way the guardrail ${metric} should go`,
    'Say better: lower or better: higher.',
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
