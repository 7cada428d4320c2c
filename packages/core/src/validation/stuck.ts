import { log } from '../stats/math.ts';

/**
 * Tests whether a feature of the context has gone constant: a sensor that hangs, a join that finds nothing any more. The
 * learner soon predicts no worse than the mean of each arm then, so its losses say little; the feature itself says all.
 *
 * A feature is watched once it has been seen to vary: in its warm-up at most half of its values were the one before. H₀: from
 * then on a value is the one before it with probability 9 in 10 at most, whatever came earlier. The m-th run of equal values
 * then reaches length L with probability 0.9^(L−1), and L is chosen so that these sum to at most α over all runs and fields.
 *
 * H₀ is about the order in which outcomes arrive. A batch of one device, or a slow sensor that is asked often, breaks it without
 * being a fault; so a run must span an hour of decisions as well. That asks for more, so the bound stands.
 */
export interface FieldRun {
  /** The last value; null where it was absent. */
  last: number | null;
  /** How often it came in a row. */
  length: number;
  /** When the first decision of the run was made, ms; null: before the run was looked at. */
  sinceMs: number | null;
  /** Runs that have begun. */
  runs: number;
  /** Of the warm-up: values that repeated the one before. */
  repeats: number;
  seen: number;
}

const SAME = 0.9;
const VARIES = 0.5;
const LEAST_SPAN_MS = 3_600_000;
// Σ over m ≥ 2 of 1 / (m ln² m), rounded up.
const SERIES = 2.11;

export const fieldRun = (): FieldRun => ({
  last: null,
  length: 0,
  sinceMs: null,
  runs: 0,
  repeats: 0,
  seen: 0,
});

/**
 * One value of a field; NaN where it is absent. In place. Returns the length of the run where that is too long.
 * @param atMs - when its decision was made, ms; in any order.
 * @param alpha - for this field, over all its life. @param warmUp - values by which it is judged whether it varies.
 */
export function observeField(
  field: FieldRun,
  value: number,
  atMs: number,
  alpha: number,
  warmUp: number,
): number | undefined {
  const now = Number.isNaN(value) ? null : value;
  const same = field.seen > 0 && now === field.last;
  field.last = now;
  field.length = same ? field.length + 1 : 1;
  // Outcomes may come in any order: a run spans from its oldest decision.
  field.sinceMs = same ? Math.min(field.sinceMs ?? atMs, atMs) : atMs;
  if (!same) field.runs++;
  if (field.seen < Math.max(warmUp, LEAST_SEEN)) {
    field.seen++;
    if (same) field.repeats++;
    // A run that began in the warm-up counts from its end.
    if (field.seen >= Math.max(warmUp, LEAST_SEEN)) {
      field.length = 1;
      field.runs = 1;
      field.sinceMs = atMs;
    }
    return undefined;
  }
  if (field.repeats > VARIES * field.seen) return undefined;
  const m = field.runs + 1;
  const allowed = alpha / (SERIES * m * log(m) * log(m));
  if (atMs - field.sinceMs < LEAST_SPAN_MS) return undefined;
  return field.length - 1 >= log(allowed) / log(SAME) ? field.length : undefined;
}

/** Fewer values than this do not show that a field varies. */
const LEAST_SEEN = 50;
