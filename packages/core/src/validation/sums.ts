import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Evidence } from '../evidence.ts';
import type { Limits, Problem } from '../limits.ts';
import { log, log1p } from '../stats/math.ts';

/**
 * Evidence `validation/1`: how well a learner predicted outcomes before it learned them, as sums that add up over nodes. It
 * travels like any learner's, in slots. Predictions and outcomes are mapped to [0, 1] by the declared range.
 *
 * First a row for outcomes that the learner's own choice caused, and one for all others; then a row for each bin of
 * predictions. The numbers of a row are named below.
 */
export interface ValidationSums {
  readonly sums: Float64Array;
}

/** Of a row of losses: outcomes; those that were 0 or 1; Σ(p − y)², Σ(q − y)²; Σ log loss of p and of q; Σy. */
export const LOSS = { n: 0, binary: 1, squared: 2, reference: 3, log: 4, referenceLog: 5, y: 6 } as const;
const LOSS_ROW = 7;
/** Where the row of outcomes that the learner caused begins, and that of the others. */
export const CAUSED = 0;
export const OTHERS = LOSS_ROW;

/**
 * Where bins of predictions begin and end: narrow at the ends, where rare events lie. The last includes 1.
 */
export const EDGES = [
  0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1,
] as const;
export const BINS = EDGES.length - 1;
/** Of a bin's row: outcomes, Σp, Σy, Σ(y − p)², then the log wealth of each bet. */
export const BIN = { n: 0, p: 1, y: 2, squares: 3, bets: 4 } as const;
const STAKES = [0.1, 0.3, 0.8] as const;
/** Bets of a bin: that outcomes are above what was predicted, and that they are below; by stake. */
export const BETS = 2 * STAKES.length;
const BIN_ROW = 4 + BETS;
const FIRST_BIN = 2 * LOSS_ROW;
const LENGTH = FIRST_BIN + BINS * BIN_ROW;

/** Where the row of a bin begins. */
export const binRow = (bin: number): number => FIRST_BIN + bin * BIN_ROW;

/** Log losses count predictions nearer to 0 or 1 than this as this. */
export const LEAST = 1e-4;

/**
 * How far outcomes of a bin may lie from what was predicted, on average, and it still counts as calibrated: 0.02 of the
 * range; near its ends a fifth of what is left beyond the bin's far edge.
 */
export function toleranceOf(bin: number): number {
  return Math.min(0.02, 0.2 * Math.min(EDGES[bin + 1], 1 - EDGES[bin]));
}

/** The bin of a prediction in [0, 1]. */
export function binOf(p: number): number {
  let bin = BINS - 1;
  while (bin > 0 && p < EDGES[bin]) bin--;
  return bin;
}

/** One outcome, and what was predicted of it by the learner and the reference: all in [0, 1]. */
export interface Judged {
  readonly learner: number;
  readonly reference: number;
  readonly outcome: number;
  /** The learner's own choice caused it. */
  readonly caused: boolean;
  /** Whether it counts for calibration: not while the learner warms up. */
  readonly warm: boolean;
}

/** −ln of the probability that was given to what came; a cross-entropy for outcomes between 0 and 1. */
export function logLoss(p: number, y: number): number {
  const at = Math.min(1 - LEAST, Math.max(LEAST, p));
  return -(y * log(at) + (1 - y) * log1p(-at));
}

/** Adds one outcome. In place. */
export function addJudged(
  { sums }: ValidationSums,
  { learner, reference, outcome, caused, warm }: Judged,
): void {
  const row = caused ? CAUSED : OTHERS;
  sums[row + LOSS.n]++;
  if (outcome === 0 || outcome === 1) sums[row + LOSS.binary]++;
  sums[row + LOSS.squared] += (learner - outcome) ** 2;
  sums[row + LOSS.reference] += (reference - outcome) ** 2;
  sums[row + LOSS.log] += logLoss(learner, outcome);
  sums[row + LOSS.referenceLog] += logLoss(reference, outcome);
  sums[row + LOSS.y] += outcome;
  if (!warm) return;
  const bin = binOf(learner);
  const at = binRow(bin);
  const error = outcome - learner;
  const tolerance = toleranceOf(bin);
  sums[at + BIN.n]++;
  sums[at + BIN.p] += learner;
  sums[at + BIN.y] += outcome;
  sums[at + BIN.squares] += error * error;
  for (let k = 0; k < STAKES.length; k++) {
    sums[at + BIN.bets + 2 * k] += log1p(STAKES[k] * (error - tolerance));
    sums[at + BIN.bets + 2 * k + 1] += log1p(STAKES[k] * (-error - tolerance));
  }
}

/** Sums of predictions and outcomes, as evidence. */
export const validationSums: Evidence<ValidationSums> = {
  name: 'validation/1',
  zero: () => ({ sums: new Float64Array(LENGTH) }),
  add: (a, b) => ({ sums: a.sums.map((value, i) => value + b.sums[i]) }),
  scale: ({ sums }, weight) => ({ sums: sums.map((value) => value * weight) }),
  outcomes: ({ sums }) => sums[CAUSED + LOSS.n] + sums[OTHERS + LOSS.n],
  validate: ({ sums }) => {
    if (sums.length !== LENGTH || !sums.every(Number.isFinite))
      return problem('sums', 'holds numbers that are not finite');
    const wrong = lossProblem(sums, CAUSED) || lossProblem(sums, OTHERS);
    if (wrong !== '') return problem('losses', wrong);
    let binned = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const found = binProblem(sums, bin);
      if (found !== '') return problem(`bins[${bin}]`, found);
      binned += sums[binRow(bin) + BIN.n];
    }
    const n = sums[CAUSED + LOSS.n] + sums[OTHERS + LOSS.n];
    return binned <= n * SLACK ? undefined : problem('bins', 'hold more outcomes than there were');
  },
  encode: ({ sums }) => {
    const writer = new ByteWriter(LENGTH * 8 + 4).varint(LENGTH);
    for (const value of sums) writer.float64(value);
    return writer.finish();
  },
  decode: (bytes, limits: Limits) => {
    const reader = new ByteReader(bytes, limits.evidenceBytes);
    if (reader.count(LENGTH, 8) !== LENGTH) reader.fail('not the sums of this version');
    const sums = Float64Array.from({ length: LENGTH }, () => reader.finite());
    reader.end();
    return { sums };
  },
};

const SLACK = 1 + 1e-6;

function problem(field: string, message: string): Problem {
  return { code: 'implausible_evidence', field, message: `${field}: ${message}` };
}

// Every inequality holds for any real outcomes; the slack is for rounding.
function lossProblem(sums: Float64Array, row: number): string {
  const n = sums[row];
  for (let i = 0; i < LOSS_ROW; i++) {
    const most = n * (i === LOSS.log || i === LOSS.referenceLog ? -log(LEAST) : 1);
    if (!(sums[row + i] >= 0 && sums[row + i] <= most * SLACK))
      return 'are beyond what so many outcomes can cost';
  }
  return '';
}

function binProblem(sums: Float64Array, bin: number): string {
  const at = binRow(bin);
  const [n, p, y, squares] = sums.subarray(at, at + BIN.bets);
  const least = n * EDGES[bin];
  const most = n * EDGES[bin + 1];
  if (!(n >= 0 && p * SLACK >= least && p <= most * SLACK)) return 'holds predictions of another bin';
  if (!(y >= 0 && y <= n * SLACK && squares >= 0 && squares <= n * SLACK))
    return 'holds outcomes beyond the range';
  if ((y - p) ** 2 > n * squares * SLACK + 1e-9 * n * n) return 'has a negative variance';
  for (let k = 0; k < BETS; k++)
    if (sums[at + BIN.bets + k] > n * log1p(STAKES[k >> 1]) * SLACK) return 'has won more than could be won';
  return '';
}
