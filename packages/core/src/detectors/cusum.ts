import type { Alert, Detector, Sample } from '../detector.ts';
import { GanglionError } from '../errors.ts';
import { log } from '../stats/math.ts';

/** Plain data: the statistic, and how many samples since it last began. */
export interface CusumState {
  /** S = max(0, S + log-likelihood ratio). */
  sum: number;
  samples: number;
}

export interface CusumOptions {
  /** Rate of ones without a change, in (0, 1). */
  readonly from: number;
  /** The rate to be found soonest, in (0, 1), above or below `from`. */
  readonly to: number;
  /** Expected samples between false alarms; 10 to 10⁷. */
  readonly falseAlarmEvery: number;
}

/**
 * Bernoulli CUSUM (Page 1954; Reynolds and Stoumbos 1999): alerts as soon as a stream of zeros and ones looks more like
 * rate `to` than `from` by a threshold that makes false alarms as rare as asked. It is optimal for that pair (Moustakides
 * 1986) and finds larger changes sooner still.
 *
 * The threshold comes from the exact chain: rounded to a lattice, the statistic is a Markov chain (Brook and Evans 1972),
 * whose expected run length is solved for, not approximated. The rounding is to the safe side.
 */
export function cusum(options: CusumOptions): Detector<CusumState> {
  const { from, to, falseAlarmEvery } = check(options);
  // Up for a one and down for a zero where the rate may rise; the other way round where it may fall.
  const one = log(to / from);
  const zero = log((1 - to) / (1 - from));
  const lattice = latticeFor(one, zero);
  const threshold = thresholdFor(lattice, from, falseAlarmEvery);
  const samples = runLength(lattice, threshold, from);
  const name = 'cusum/1';
  return {
    name,
    falseAlarm: { samples },
    initial: () => ({ sum: 0, samples: 0 }),
    observe: (state: CusumState, sample: Sample): Alert | undefined => {
      if (sample.value !== 0 && sample.value !== 1)
        throw new GanglionError('invalid_input', 'a Bernoulli sample must be 0 or 1', {
          field: 'value',
          value: sample.value,
          mend: 'Send 1 for an event and 0 for none.',
        });
      state.samples++;
      state.sum = Math.max(0, state.sum + (sample.value === 1 ? lattice.one : lattice.zero));
      if (state.sum < threshold) return undefined;
      const statistic = state.sum * lattice.unit;
      const message = `the rate moved from ${from} towards ${to} (${state.samples} samples since the last reset)`;
      state.sum = 0;
      state.samples = 0;
      return { detector: name, atMs: sample.atMs, message, statistic, threshold: threshold * lattice.unit };
    },
  };
}

function check(options: CusumOptions): CusumOptions {
  const { from, to, falseAlarmEvery } = options;
  const refuse = (field: string, value: number, mend: string): never => {
    throw new GanglionError('invalid_spec', `${field} is out of range`, { field, value, mend });
  };
  if (!(from > 0 && from < 1)) refuse('from', from, 'Give a rate above 0 and below 1.');
  if (!(to > 0 && to < 1) || to === from) refuse('to', to, 'Give another rate above 0 and below 1.');
  if (!(falseAlarmEvery >= 10 && falseAlarmEvery <= 1e7))
    refuse('falseAlarmEvery', falseAlarmEvery, 'Give 10 to 10,000,000 samples.');
  return options;
}

/** Whole steps of the statistic, and what one unit of them is worth. */
interface Lattice {
  readonly one: number;
  readonly zero: number;
  readonly unit: number;
}

// Fine enough that rounding changes the rates by well under 1 %, coarse enough to solve at once.
const SMALLER_STEP = 16;
const LARGER_STEP_MAX = 128;

/** The smaller of the two steps becomes some ten units; the larger is rounded to whole ones. */
function latticeFor(one: number, zero: number): Lattice {
  const small = Math.min(Math.abs(one), Math.abs(zero));
  const large = Math.max(Math.abs(one), Math.abs(zero));
  const units = Math.max(1, Math.min(SMALLER_STEP, Math.floor((LARGER_STEP_MAX * small) / large)));
  const unit = small / units;
  return { one: Math.round(one / unit), zero: Math.round(zero / unit), unit };
}

/** The least whole threshold whose run length without a change is at least what was asked. */
function thresholdFor(lattice: Lattice, rate: number, samples: number): number {
  let high = Math.max(lattice.one, lattice.zero);
  while (runLength(lattice, high, rate) < samples) high *= 2;
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (runLength(lattice, middle, rate) < samples) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Expected samples from S = 0 until S ≥ threshold. L(s) = 1 + p L(s + one) + (1 − p) L(s + zero), with L = 0 at the
 * threshold and beyond, L(s) = L(0) below 0: a banded linear system, solved by elimination without pivoting (it is
 * diagonally dominant).
 */
function runLength(lattice: Lattice, threshold: number, rate: number): number {
  const up = Math.max(lattice.one, lattice.zero);
  const down = -Math.min(lattice.one, lattice.zero);
  const pUp = lattice.one > 0 ? rate : 1 - rate;
  const n = threshold;
  const width = up + down + 1;
  // Row i holds columns i − down … i + up. What falls below 0 goes to state 0, kept in a column of its own.
  const band = new Float64Array(n * width);
  const toZero = new Float64Array(n);
  const right = new Float64Array(n).fill(1);
  for (let i = 0; i < n; i++) {
    band[i * width + down] = 1;
    if (i + up < n) band[i * width + down + up] -= pUp;
    if (i - down >= 0) band[i * width] -= 1 - pUp;
    else toZero[i] -= 1 - pUp;
  }
  // Unknowns are x_i = u_i + v_i · L(0): solve for both right-hand sides at once.
  const other = toZero.map((value) => -value);
  for (let i = 0; i < n; i++) {
    const pivot = band[i * width + down];
    for (let row = i + 1; row <= Math.min(n - 1, i + down); row++) {
      const at = row * width + (i - row + down);
      const factor = band[at] / pivot;
      if (factor === 0) continue;
      for (let c = 0; c <= Math.min(up, n - 1 - i); c++) band[at + c] -= factor * band[i * width + down + c];
      right[row] -= factor * right[i];
      other[row] -= factor * other[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let c = 1; c <= Math.min(up, n - 1 - i); c++) {
      right[i] -= band[i * width + down + c] * right[i + c];
      other[i] -= band[i * width + down + c] * other[i + c];
    }
    right[i] /= band[i * width + down];
    other[i] /= band[i * width + down];
  }
  return right[0] / (1 - other[0]);
}

/** Expected samples between false alarms, and to an alert after a change: for choosing options. */
export function cusumRunLength(options: CusumOptions, rate: number): number {
  const { from, to, falseAlarmEvery } = check(options);
  const lattice = latticeFor(log(to / from), log((1 - to) / (1 - from)));
  return runLength(lattice, thresholdFor(lattice, from, falseAlarmEvery), rate);
}
