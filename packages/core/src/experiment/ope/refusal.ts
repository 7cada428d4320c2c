import type { Overlap } from './overlap.ts';

/**
 * Why a question cannot be answered from this log. A refusal is a result: the log was read, and it does not know.
 *
 * - `no_rows`: nothing with a known propensity.
 * - `no_overlap`: the log never did what the candidate does, or too large a part of it.
 * - `thin`: too few effective rows.
 * - `dominated`: one row carries too much of the estimate.
 * - `unknown_propensities`: too large a part of the log was left out to speak for the whole.
 * - `weights_off`: the mean weight is far from 1, so propensities are wrong or arms are missing.
 */
export type RefusalReason =
  | 'no_rows'
  | 'no_overlap'
  | 'thin'
  | 'dominated'
  | 'unknown_propensities'
  | 'weights_off';

export interface Refusal {
  readonly reason: RefusalReason;
  /** The same in a sentence, with the figures. */
  readonly why: string;
}

export interface RefusalRule {
  /** Fewest effective rows. */
  readonly minEffective: number;
  /** Largest part of all weight that one row may have. */
  readonly maxWeightShare: number;
  /** Largest share of rows without a propensity. */
  readonly maxUnknownShare: number;
  /** Largest share of the candidate's choices that the log's policy never makes. */
  readonly maxUnsupported: number;
  /** Farthest that the mean weight may be from 1, where it is also more than four standard errors from it. */
  readonly maxMeanWeightError: number;
}

/** At 100 effective rows the standard error of a mean is a tenth of a standard deviation. */
export const REFUSAL_RULE: RefusalRule = Object.freeze({
  minEffective: 100,
  maxWeightShare: 0.05,
  maxUnknownShare: 0.1,
  maxUnsupported: 0.1,
  maxMeanWeightError: 0.2,
});

/** All that speaks against an estimate, the weightiest first; empty: nothing does. */
export function refusalsOf(overlap: Overlap, rule: RefusalRule = REFUSAL_RULE): Refusal[] {
  const { rows, unknown, matched, effective, maxWeight, maxWeightShare, unsupported } = overlap;
  if (rows === 0) return [{ reason: 'no_rows', why: `none of ${unknown} rows has a known propensity` }];
  if (matched === 0)
    return [{ reason: 'no_overlap', why: `in none of ${rows} rows would the candidate have done the same` }];
  const out: Refusal[] = [];
  const refuse = (reason: RefusalReason, why: string): void => void out.push({ reason, why });
  if (unsupported !== null && unsupported > rule.maxUnsupported)
    refuse(
      'no_overlap',
      `${percent(unsupported, rule.maxUnsupported)} of what the candidate does was never done in this log (at most ${percent(rule.maxUnsupported)})`,
    );
  if (effective < rule.minEffective)
    refuse(
      'thin',
      `the log is worth ${round(effective, rule.minEffective)} rows of the candidate’s own traffic (at least ${rule.minEffective})`,
    );
  if (maxWeightShare > rule.maxWeightShare)
    refuse(
      'dominated',
      `one row has ${percent(maxWeightShare, rule.maxWeightShare)} of all weight, ${round(maxWeight)} times its own (at most ${percent(rule.maxWeightShare)})`,
    );
  const unknownShare = unknown / (unknown + rows);
  if (unknownShare > rule.maxUnknownShare)
    refuse(
      'unknown_propensities',
      `${percent(unknownShare, rule.maxUnknownShare)} of the rows have no known propensity (at most ${percent(rule.maxUnknownShare)})`,
    );
  if (weightsOff(overlap, rule))
    refuse(
      'weights_off',
      `the mean weight is ${round(overlap.meanWeight)} ± ${round(overlap.meanWeightError)} where it should be 1: the logged propensities are wrong, or the candidate does what the log’s policy cannot`,
    );
  return out;
}

function weightsOff({ meanWeight, meanWeightError, clipped }: Overlap, rule: RefusalRule): boolean {
  // Clipping takes weight on purpose, and is reported as such.
  if (clipped > 0) return false;
  const off = Math.abs(meanWeight - 1);
  return off > rule.maxMeanWeightError && off > 4 * meanWeightError;
}

/** To three digits, or to as many as it takes to tell it from the bound that it is beyond. */
function round(value: number, bound = Number.NaN): string {
  for (let digits = 3; digits < 17; digits++) {
    const shown = Number(value.toPrecision(digits));
    if (shown !== bound) return String(shown);
  }
  return String(value);
}

const percent = (share: number, bound?: number): string =>
  `${round(share * 100, bound === undefined ? undefined : bound * 100)} %`;
