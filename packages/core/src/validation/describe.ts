import { exp, sqrt } from '../stats/math.ts';
import { meanSequence } from '../stats/sequential.ts';
import type { CalibrationBin, LossReport, ValidationReport } from '../status.ts';
import type { RecentSums } from './monitor.ts';
import { BETS, BIN, BINS, binRow, CAUSED, EDGES, LOSS, OTHERS, type ValidationSums } from './sums.ts';

/** What the sums of a learner say. `width`: of the declared range, in units of the reward. */
export function describeSums(
  { sums }: ValidationSums,
  range: readonly [number, number],
): Pick<ValidationReport, 'judged' | 'selfCaused' | 'kind' | 'loss' | 'calibration'> {
  const at = (what: number): number => sums[CAUSED + what] + sums[OTHERS + what];
  const n = at(LOSS.n);
  const binary = n > 0 && at(LOSS.binary) === n;
  const totals = {
    n,
    squared: at(LOSS.squared),
    reference: at(LOSS.reference),
    log: at(LOSS.log),
    referenceLog: at(LOSS.referenceLog),
  };
  return {
    judged: n,
    selfCaused: sums[CAUSED + LOSS.n],
    kind: n === 0 ? null : binary ? 'binary' : 'real',
    loss: lossReport(totals, range, binary),
    calibration: calibration(sums, range),
  };
}

/** Mean losses in units of the reward; log loss where outcomes are yes or no. */
export function lossReport(sums: RecentSums, range: readonly [number, number], binary: boolean): LossReport {
  const { n, squared, reference, log, referenceLog } = sums;
  const unit = (range[1] - range[0]) ** 2;
  const mean = (value: number): number | null => (n > 0 ? value / n : null);
  return {
    n,
    squared: mean(squared * unit),
    reference: mean(reference * unit),
    log: binary ? mean(log) : null,
    referenceLog: binary ? mean(referenceLog) : null,
    skill: reference > 0 ? 1 - squared / reference : null,
  };
}

/** The e-value at which a learner is said to be off: a calibrated one reaches it with probability 5 % at any moment. */
const OFF = 20;
/** Fewest outcomes before it can be said to be sound. */
const ENOUGH = 100;

function calibration(sums: Float64Array, range: readonly [number, number]): ValidationReport['calibration'] {
  const bins: CalibrationBin[] = [];
  let n = 0;
  let gap = 0;
  let chance = 0;
  let single = 0;
  const together = new Float64Array(BETS);
  for (let bin = 0; bin < BINS; bin++) {
    const row = sums.subarray(binRow(bin), binRow(bin) + BIN.bets + BETS);
    for (let k = 0; k < BETS; k++) {
      single += exp(Math.min(MOST_LOG, row[BIN.bets + k])) / (BINS * BETS);
      together[k] += row[BIN.bets + k];
    }
    if (!(row[BIN.n] > 0)) continue;
    n += row[BIN.n];
    gap += Math.abs(row[BIN.y] - row[BIN.p]);
    // E|X| of a normal with the variance that was seen.
    chance += sqrt((2 / Math.PI) * row[BIN.squares]);
    bins.push(binReport(bin, row, range));
  }
  // Half on single bins; half on all at once, the same bet on every outcome, whose wealths multiply.
  const all = together.reduce((sum, wealth) => sum + exp(Math.min(MOST_LOG, wealth)) / BETS, 0);
  const e = (single + all) / 2;
  return {
    n,
    ece: n > 0 ? gap / n : null,
    eceByChance: n > 0 ? chance / n : null,
    e,
    verdict: e >= OFF ? 'off' : n >= ENOUGH ? 'sound' : 'unknown',
    bins,
  };
}

/** e⁷⁰⁰ is a number still. */
const MOST_LOG = 700;

function binReport(bin: number, row: Float64Array, [low, high]: readonly [number, number]): CalibrationBin {
  const n = row[BIN.n];
  const value = (unit: number): number => low + (high - low) * unit;
  const predicted = row[BIN.p] / n;
  const errors = meanSequence(
    { n, sum: row[BIN.y] - row[BIN.p], squares: row[BIN.squares] },
    { alpha: 0.05 / BINS, range: [-1, 1] },
  );
  const inside = (unit: number): number => value(Math.min(1, Math.max(0, unit)));
  return {
    from: value(EDGES[bin]),
    to: value(EDGES[bin + 1]),
    n,
    predicted: value(predicted),
    observed: value(row[BIN.y] / n),
    low: errors === undefined ? null : inside(predicted + errors.low),
    high: errors === undefined ? null : inside(predicted + errors.high),
  };
}
