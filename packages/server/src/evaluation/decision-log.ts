import type { Column } from '@ganglion/adapters/parquet';
import { type CompiledPoint, encodeContext, GanglionError, type PointSpec } from '@ganglion/core';

/** A log of decisions in memory, a column each, whatever it was read from; in the order of its decisions. */
export interface DecisionLog {
  /** What it was read from, for people. */
  readonly name: string;
  readonly rows: number;
  readonly arms: readonly string[];
  /** Executed arm, in [0, arms). */
  readonly arm: Int32Array;
  /** Its probability; NaN where unknown. */
  readonly propensity: Float64Array;
  readonly reward: Float64Array;
  readonly range: readonly [number, number];
  /** The range is that of the rewards seen: nobody has declared one. */
  readonly rangeSeen?: boolean | undefined;
  /** When it was decided, ms since 1970; undefined where the log does not say. */
  readonly atMs: Float64Array | undefined;
  /** What was known when it was decided, by field. */
  readonly context: ReadonlyMap<string, Column>;
  /** By row the arms that there were to choose from, undefined for all of them; undefined as a whole: always all. */
  readonly available: readonly (Int32Array | undefined)[] | undefined;
  /** Rows left out, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** [0, 1] where all rewards lie in it, else as far as they go. */
export function rangeSeen(reward: Float64Array): [number, number] {
  let low = 0;
  let high = 1;
  for (let i = 0; i < reward.length; i++) {
    if (reward[i] < low) low = reward[i];
    if (reward[i] > high) high = reward[i];
  }
  return [low, high];
}

/** A larger number is a cell gone wrong, and would take all memory. */
export const MAX_ARMS = 65_536;

/** Codes of texts, in the order of first appearance or of `known`. @throws GanglionError `invalid_input` for a text that is missing, or one too many */
export function coded(
  texts: Column,
  what: string,
  known: readonly string[] = [],
): { readonly codes: Int32Array; readonly names: string[] } {
  const names = [...known];
  const index = new Map(names.map((name, i) => [name, i]));
  const codes = new Int32Array(texts.length);
  for (let i = 0; i < texts.length; i++) {
    const raw = texts[i];
    if (raw === null || (typeof raw === 'number' && Number.isNaN(raw)))
      throw badRow(what, i, raw, 'Every row needs one; leave out the rows that have none.');
    const text = String(raw);
    let code = index.get(text);
    if (code === undefined) {
      code = names.length;
      if (code === MAX_ARMS)
        throw badRow(what, i, raw, `A log has at most ${MAX_ARMS} arms; name the column that has them.`);
      names.push(text);
      index.set(text, code);
    }
    codes[i] = code;
  }
  return { codes, names };
}

/** Refuses a propensity outside (0, 1], naming the row as a file counts it: from 1. */
export function checkPropensities(propensity: Float64Array, what: string): void {
  for (let i = 0; i < propensity.length; i++)
    if (propensity[i] <= 0 || propensity[i] > 1)
      throw badRow(
        what,
        i,
        propensity[i],
        'What was executed had a probability above 0 and at most 1; leave it empty where it is unknown.',
      );
}

/** Beyond this, what weights and squares make of it is no number any more. */
const LARGEST_REWARD = 1e50;

/** Whether a reward can be reckoned with. */
export const isReward = (value: number): boolean => Math.abs(value) <= LARGEST_REWARD;

/** Refuses a reward that is infinite or as good as that, naming the row; NaN is one that never came. */
export function checkRewards(reward: Float64Array, what: string): void {
  for (let i = 0; i < reward.length; i++)
    if (!Number.isNaN(reward[i]) && !isReward(reward[i]))
      throw badRow(
        what,
        i,
        reward[i],
        `A reward is a number from −1e50 to 1e50; leave it empty where the outcome never came.`,
      );
}

export function badRow(what: string, row: number, value: unknown, mend: string): GanglionError {
  return new GanglionError('invalid_input', `${what} of row ${row + 1} is not usable`, {
    field: what,
    value,
    mend,
  });
}

/** The log with the range its rewards are declared to lie in. @throws GanglionError `invalid_input` naming the first that does not */
export function withRange(log: DecisionLog, range: readonly [number, number]): DecisionLog {
  for (let i = 0; i < log.rows; i++)
    if (log.reward[i] < range[0] || log.reward[i] > range[1])
      throw badRow(
        'reward',
        i,
        log.reward[i],
        `It must lie in [${range[0]}, ${range[1]}]; mend the log or --range.`,
      );
  return { ...log, range, rangeSeen: false };
}

/** The log without some of its rows. */
export function keepRows(log: DecisionLog, keep: (row: number) => boolean, why: string): DecisionLog {
  const kept: number[] = [];
  for (let i = 0; i < log.rows; i++) if (keep(i)) kept.push(i);
  if (kept.length === log.rows) return log;
  const numbers = (column: Float64Array): Float64Array => Float64Array.from(kept, (i) => column[i]);
  const codes = (column: Int32Array): Int32Array => Int32Array.from(kept, (i) => column[i]);
  return {
    ...log,
    rows: kept.length,
    arm: codes(log.arm),
    propensity: numbers(log.propensity),
    reward: numbers(log.reward),
    atMs: log.atMs && numbers(log.atMs),
    available: log.available && kept.map((i) => log.available?.[i]),
    context: new Map(
      [...log.context].map(([name, column]) => [
        name,
        column instanceof Float64Array ? numbers(column) : kept.map((i) => column[i]),
      ]),
    ),
    skipped: { ...log.skipped, [why]: (log.skipped[why] ?? 0) + log.rows - kept.length },
  };
}

/** A point over what the log has: all its arms, and its fields as numbers or categories. */
export function pointOf(log: DecisionLog, policy: PointSpec['policy']): PointSpec {
  const context = Object.fromEntries(
    [...log.context].map(([name, column]) => [
      name,
      column instanceof Float64Array
        ? { type: 'number' as const, ...scaleOf(column) }
        : { type: 'category' as const, values: [...new Set(column)].filter((v) => v !== null).slice(0, 256) },
    ]),
  );
  return {
    point: 'candidate',
    arms: log.arms,
    fallback: log.arms[0],
    policy,
    objective: { range: log.range },
    ...(log.context.size === 0 ? {} : { context }),
  };
}

/** As far as a column's numbers go; policies that scale their features need to know. */
function scaleOf(column: Float64Array): { readonly min: number; readonly max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < column.length; i++) {
    if (column[i] < min) min = column[i];
    if (column[i] > max) max = column[i];
  }
  return min < max
    ? { min, max }
    : { min: Number.isFinite(min) ? min : 0, max: (Number.isFinite(min) ? min : 0) + 1 };
}

/** A row's context as the point's schema encodes it. @throws GanglionError `invalid_context`, naming row and field */
export function contextReader(
  log: DecisionLog,
  point: CompiledPoint,
): (row: number, out: Float64Array) => void {
  const columns = point.fields.map((field) => log.context.get(field.name));
  const context: Record<string, unknown> = Object.create(null);
  return (row, out) => {
    point.fields.forEach((field, i) => {
      const raw = columns[i]?.[row];
      const missing = raw === undefined || raw === null || (typeof raw === 'number' && Number.isNaN(raw));
      context[field.name] = missing
        ? undefined
        : field.type === 'boolean'
          ? raw === 1 || raw === 'true'
          : field.type === 'category'
            ? String(raw)
            : Number(raw);
    });
    const problem = encodeContext(point.fields, context, out);
    if (problem !== '')
      throw new GanglionError('invalid_context', `row ${row + 1} of ${log.name}: ${problem}`, {
        field: problem.split(' ')[0],
        mend: 'Declare the context as the log has it.',
      });
  };
}
