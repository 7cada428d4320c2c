import { GanglionError, nearest, type PointSpec } from '@ganglion/core';
import type { EvaluationContext, TrackingEventDetails } from '@openfeature/server-sdk';
import type { Batch, LastDecisions } from './tracking.ts';

/** What a tracked event is to points: feedback for the decision it names, or for the last ones of its unit. */
export function track(
  sending: Batch,
  last: LastDecisions,
  event: string,
  context: EvaluationContext,
  details: TrackingEventDetails,
  onError: ((error: unknown) => void) | undefined,
): void {
  const { decisionId, point } = details;
  const value = typeof details.value === 'number' ? details.value : 1;
  if (!Number.isFinite(value)) {
    const mend = 'Give a finite number, or leave it out for 1.';
    onError?.(
      new GanglionError('invalid_input', 'the value of an event is not a finite number', {
        field: 'value',
        value,
        mend,
      }),
    );
    return;
  }
  if (typeof decisionId === 'string') {
    sending.add(
      event === 'reward'
        ? { id: decisionId, reward: value }
        : { id: decisionId, metrics: { [event]: value } },
    );
    return;
  }
  const metricsThere = new Set<string>();
  let known = false;
  for (const { spec, id } of last.of(context.targetingKey ?? '')) {
    if (typeof point === 'string' && point !== spec.point) continue;
    const metrics = metricsOf(spec);
    for (const name of metrics ?? ['reward']) metricsThere.add(name);
    if (metrics === undefined) {
      // Without an objective the reward is what feedback says it is.
      if (event === 'reward') sending.add({ id, reward: value });
    } else if (metrics.has(event) || typeof point === 'string') {
      known = true;
      sending.add({ id, metrics: valuesOf(event, value, details, metrics) });
    }
  }
  if (!known && !metricsThere.has(event)) sayMeant(event, [...metricsThere], onError);
}

/** The event, and what its details say of other metrics. */
function valuesOf(
  event: string,
  value: number,
  details: TrackingEventDetails,
  known: ReadonlySet<string>,
): Record<string, number> {
  const values: Record<string, number> = { [event]: value };
  for (const [name, also] of Object.entries(details))
    if (typeof also === 'number' && Number.isFinite(also) && known.has(name)) values[name] = also;
  return values;
}

/** Events that are no metric are other people's; but one that is a slip away from a metric is lost feedback. */
function sayMeant(
  event: string,
  metrics: readonly string[],
  onError: ((error: unknown) => void) | undefined,
): void {
  const meant = nearest(event, metrics);
  if (meant === undefined) return;
  onError?.(
    new GanglionError('invalid_input', 'no point that was decided for this unit knows the event', {
      field: 'event',
      value: event,
      mend: `Did you mean ${meant}? Otherwise declare it in the objective.`,
    }),
  );
}

/** Metrics of the objective; undefined without one. */
function metricsOf(spec: PointSpec): ReadonlySet<string> | undefined {
  if (spec.objective === undefined) return undefined;
  return new Set(Object.keys(spec.objective).filter((key) => key !== 'range' && key !== 'constraints'));
}
