import { type CompiledPoint, GanglionError } from '@ganglion/core';
import type { DecisionLog } from './decision-log.ts';

/**
 * Refuses a candidate of which the log cannot say what it would have done: one that looks at what no row keeps, or reads a
 * field that none has. Asked all the same it would do something, and be judged by that.
 *
 * @throws GanglionError `not_replayable`, `unknown_field`
 */
export function refuseUnjudgeable(log: DecisionLog, { policy, fields }: CompiledPoint): void {
  if (policy.looksAt !== undefined)
    throw new GanglionError(
      'not_replayable',
      `${policy.name.replace(/\/.*/, '')} looks at ${policy.looksAt}, which no row of the log keeps`,
      {
        field: 'policy.kind',
        value: policy.name,
        mend: 'Judge it live: by an experiment with it as a variant, or by the holdout beside it.',
      },
    );
  const unknown = log.rows > 0 && fields.find(({ name }) => !isThere(log, name));
  if (!unknown) return;
  const there = [...log.context.keys()].filter((name) => isThere(log, name));
  // All that was sent is declared: what is missing is no slip of the pen, but a field that nobody has sent yet.
  if (there.length > 0 && there.every((name) => fields.some((field) => field.name === name))) return;
  throw new GanglionError(
    'unknown_field',
    `${unknown.name} is in none of ${log.rows.toLocaleString('en')} decisions; the log has: ${there.join(', ') || 'no field'}`,
    {
      field: `context.${unknown.name}`,
      value: unknown.name,
      mend:
        there.length === 0
          ? 'Give a log with its context (a table’s by --map context=…), or a candidate without.'
          : 'Name it as the log does, or leave it out of the candidate.',
    },
  );
}

/** Whether any decision has the field; those that lack it are asked about without. */
function isThere(log: DecisionLog, name: string): boolean {
  const column = log.context.get(name);
  if (column === undefined) return false;
  return column instanceof Float64Array
    ? column.some((value) => !Number.isNaN(value))
    : column.some((value) => value !== null);
}
