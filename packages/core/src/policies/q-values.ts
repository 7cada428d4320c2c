import {
  endOf,
  OWN,
  rewardOf,
  SQUARES,
  type Transitions,
  type TransitionsEvidence,
  weightOf,
} from '../learners/transitions.ts';
import type { ArmEstimate, ViewInput } from '../policy.ts';
import {
  bestValues,
  type DecisionProcess,
  greedy,
  processBuilder,
  type Sweeps,
  valuesOf,
} from '../stats/decision-process.ts';
import { log, pow, sqrt } from '../stats/math.ts';
import { type Stream, stream } from '../stats/random.ts';

/** How far ahead is looked, and what can be earned at a step. */
export interface Horizon {
  readonly gamma: number;
  /** Most decisions of an episode; Infinity: any number. */
  readonly horizon: number;
  readonly range: readonly [number, number];
}

/** Most steps that are looked ahead. */
export const MOST_SWEEPS = 2000;

// What is left beyond the last sweep, as a share of the span of values; and when nothing moves any more.
const LEFT = 1e-6;
const STILL = 1e-9;

// What is not known counts as one outcome.
const PRIOR = 1;

/** Discounted steps: what one unit at every step comes to. */
function stepsWorth({ gamma, horizon }: Horizon): number {
  if (gamma === 1) return horizon;
  return (1 - (horizon === Infinity ? 0 : pow(gamma, horizon))) / (1 - gamma);
}

/** Between the worst and the best that an episode can come to. */
export function spanOf(at: Horizon): number {
  return (at.range[1] - at.range[0]) * stepsWorth(at);
}

function sweepsOf(at: Horizon, steps: number): Sweeps {
  const { gamma, horizon } = at;
  const far = gamma === 0 ? 1 : gamma === 1 ? MOST_SWEEPS : Math.ceil(log(LEFT) / log(gamma));
  const most = Math.max(1, Math.ceil(Math.min(far, horizon, MOST_SWEEPS) / steps));
  return { most, tolerance: STILL * (spanOf(at) || 1) };
}

/** What is known of one state and arm. */
interface Row {
  /** Mean of the n-step reward, and its variance as an estimate. */
  readonly gain: number;
  readonly variance: number;
  /** Transitions that it rests on, weighted. */
  readonly weight: number;
}

/** The two halves, or both together as half 2. */
type Part = 0 | 1 | 2;

/** Reads rows of the evidence: sums over the halves that are asked for, faded to now. */
function reader(evidence: TransitionsEvidence, total: Transitions, at: ViewInput, horizon: Horizon) {
  const fade = evidence.decayTo(total, at.nowMs);
  const rows = at.arms.map(({ key }) => total.arms.get(key));
  const { steps, largest, states } = evidence;
  const end = endOf(steps);
  const cell = (row: Float64Array, part: Part, state: number, i: number): number => {
    const first = part === 1 ? 0 : row[evidence.at(0, state) + i];
    return Math.max(0, first + (part === 0 ? 0 : row[evidence.at(1, state) + i]));
  };
  const signed = (row: Float64Array, part: Part, state: number, i: number): number =>
    (part === 1 ? 0 : row[evidence.at(0, state) + i]) + (part === 0 ? 0 : row[evidence.at(1, state) + i]);
  const read = (part: Part, state: number, arm: number): Row => {
    const row = rows[arm];
    if (row === undefined) return NOTHING;
    let gain = 0;
    let spread = 0;
    const first = cell(row, part, state, weightOf(0));
    const mean = first > 0 ? signed(row, part, state, rewardOf(0)) / first : 0;
    // As if one more outcome had come at half the range: a reward that never varied may yet.
    const seen = Math.max(0, cell(row, part, state, SQUARES) - first * mean * mean) * fade;
    const variance = (seen + PRIOR / 4) / (first * fade + PRIOR);
    for (let k = 0, discount = 1; k < steps; k++, discount *= horizon.gamma) {
      const weight = cell(row, part, state, weightOf(k));
      if (weight > 0) gain += (discount * signed(row, part, state, rewardOf(k))) / weight;
      spread += (discount * discount * variance) / (weight * fade + PRIOR);
    }
    let closed = horizon.gamma === 0 ? first : cell(row, part, state, end);
    if (horizon.gamma > 0) for (let s = 0; s < states; s++) closed += cell(row, part, state, end + 1 + s);
    return { gain: gain * largest, variance: spread * largest * largest, weight: closed * fade };
  };
  const landing = (part: Part, state: number, arm: number, to: number): number => {
    const row = rows[arm];
    return row === undefined ? 0 : cell(row, part, state, end + 1 + to) * fade;
  };
  return { read, landing, arms: at.arms.length };
}

const NOTHING: Row = Object.freeze({ gain: 0, variance: 0, weight: 0 });

type Reader = ReturnType<typeof reader>;

/** The process that is most likely, what is not known of a row leading to an end worth `initial`. */
function likely(
  { read, landing, arms }: Reader,
  { states, steps }: TransitionsEvidence,
  part: Part,
  { gamma }: Horizon,
  initial: number,
): DecisionProcess {
  const build = processBuilder(states, arms);
  const discount = pow(gamma, steps);
  for (let s = 0; s < states; s++)
    for (let a = 0; a < arms; a++) {
      const { gain, weight } = read(part, s, a);
      const all = weight + PRIOR;
      build.row((weight * gain + PRIOR * initial) / all);
      if (weight === 0 || discount === 0) continue;
      for (let to = 0; to < states; to++) {
        const led = landing(part, s, a, to);
        if (led > 0) build.leads(to, (discount * led) / all);
      }
    }
  return build.finish();
}

/**
 * Q as it is most likely. `double`: each half's best policy is valued by the other half, and the two are averaged, so that no
 * estimate is chosen for its own error.
 */
export function pointValues(
  evidence: TransitionsEvidence,
  total: Transitions,
  at: ViewInput,
  horizon: Horizon,
  initial: number,
  double: boolean,
): Float64Array {
  const rows = reader(evidence, total, at, horizon);
  const sweeps = sweepsOf(horizon, evidence.steps);
  if (!double) return bestValues(likely(rows, evidence, 2, horizon, initial), sweeps);
  const halves = ([0, 1] as const).map((part) => likely(rows, evidence, part, horizon, initial));
  const [a, b] = halves.map((half) => greedy(bestValues(half, sweeps), rows.arms));
  const [byB, byA] = [valuesOf(halves[1], a, sweeps), valuesOf(halves[0], b, sweeps)];
  return byB.map((value, i) => (value + byA[i]) / 2);
}

/**
 * Q of processes sampled from what is known: transitions from a Dirichlet posterior, rewards from a normal one. What was never
 * seen of a row counts as one more place to lead to, worth anything between the worst and the best an episode can come
 * to: so an arm that was hardly tried looks good to some members, and soon only if it is.
 */
export function sampledValues(
  evidence: TransitionsEvidence,
  total: Transitions,
  at: ViewInput,
  horizon: Horizon,
  members: number,
): Float64Array[] {
  const rows = reader(evidence, total, at, horizon);
  const sweeps = sweepsOf(horizon, evidence.steps);
  return Array.from({ length: members }, (_, m) =>
    bestValues(sampled(rows, evidence, horizon, stream(at.seed, m)), sweeps),
  );
}

function sampled(
  { read, landing, arms }: Reader,
  { states, steps }: TransitionsEvidence,
  at: Horizon,
  random: Stream,
): DecisionProcess {
  const build = processBuilder(states, arms);
  const discount = pow(at.gamma, steps);
  const worth = stepsWorth(at);
  const [low, high] = at.range;
  const share = new Float64Array(states);
  for (let s = 0; s < states; s++)
    for (let a = 0; a < arms; a++) {
      const { gain, variance, weight } = read(2, s, a);
      const anything = worth * (low + (high - low) * random.next());
      if (weight <= 0) {
        build.row(anything);
        continue;
      }
      const unknown = random.gamma(PRIOR);
      let led = 0;
      let known = 0;
      for (let to = 0; to < states; to++) {
        const count = landing(2, s, a, to);
        led += count;
        share[to] = count > 0 ? random.gamma(count) : 0;
        known += share[to];
      }
      // What ended, or (without a future) all of it.
      if (weight - led > 1e-9 * weight) known += random.gamma(weight - led);
      const all = unknown + known;
      const earned = Math.max(low * worth, Math.min(high * worth, gain + sqrt(variance) * random.normal()));
      build.row((known * earned + unknown * anything) / all);
      if (discount > 0)
        for (let to = 0; to < states; to++) if (share[to] > 0) build.leads(to, (discount * share[to]) / all);
    }
  return build.finish();
}

/** Each arm as a report shows it: what it earned at once, over all states. What it is worth depends on the state. */
export function describeEarned(
  evidence: TransitionsEvidence,
  total: Transitions,
  keys: string,
): readonly ArmEstimate[] {
  const { states, largest } = evidence;
  return keys.split('\n').map((key) => {
    const row = total.arms.get(key);
    let [weight, sum, squares] = [0, 0, 0];
    for (let half = 0; row !== undefined && half < 2; half++)
      for (let s = 0; s < states; s++) {
        const block = evidence.at(half, s);
        weight += row[block + weightOf(0)];
        sum += row[block + rewardOf(0)];
        squares += row[block + SQUARES];
      }
    if (row === undefined || !(weight > 0) || !(row[OWN] > 0))
      return { allocation: null, mean: null, low: null, high: null, n: 0 };
    const mean = sum / weight;
    const reach = NORMAL_95 * sqrt(Math.max(0, squares / weight - mean * mean) / row[OWN]);
    return {
      allocation: null,
      mean: mean * largest,
      low: (mean - reach) * largest,
      high: (mean + reach) * largest,
      n: row[OWN],
    };
  });
}

const NORMAL_95 = 1.959963984540054;
