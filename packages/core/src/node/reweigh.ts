import type { ObjectiveSpec, PointSpec } from '../decision/spec.ts';
import { GanglionError } from '../errors.ts';

/** The declaration with these weights, and what changes, for the audit. @throws GanglionError `invalid_input` */
export function reweighed(
  spec: PointSpec,
  weights: Readonly<Record<string, number>>,
): { readonly spec: PointSpec; readonly changes: readonly string[] } {
  const objective: Record<string, ObjectiveSpec[string]> = { ...spec.objective };
  const known = Object.keys(objective).filter((key) => key !== 'range' && key !== 'constraints');
  const changes: string[] = [];
  for (const [metric, weight] of Object.entries(weights)) {
    const field = `weights.${metric}`;
    if (!known.includes(metric))
      throw new GanglionError('invalid_input', `the objective of ${spec.point} has no metric ${metric}`, {
        field,
        value: metric,
        mend: known.length === 0 ? 'Declare an objective of metrics.' : `Use one of: ${known.join(', ')}.`,
      });
    if (!Number.isFinite(weight))
      throw new GanglionError('invalid_input', `${field} must be a finite number`, { field, value: weight });
    const declared = objective[metric];
    const whole = typeof declared === 'object' && 'weight' in declared;
    changes.push(`${metric} ${String(whole ? declared.weight : declared)} → ${weight}`);
    objective[metric] = whole ? { ...declared, weight } : weight;
  }
  if (changes.length === 0)
    throw new GanglionError('invalid_input', 'no weight is given', {
      field: 'weights',
      mend: `Give a number for one or more of: ${known.join(', ')}.`,
    });
  return { spec: { ...spec, objective }, changes };
}
