import { exp2 } from '../stats/math.ts';

/**
 * The mathematics of the learning balancer: from what one client saw of its backends to an exact distribution over
 * them, before anything is drawn. A plain bandit on latency herds, because its arms are slowed by its own traffic;
 * here learning only shapes a choice that requests in flight modulate.
 *
 * Latency of an arm is the posterior mean of an exponential law under forgetting, where a request still in flight is
 * a censored answer: (sum of latencies + time in flight so far + prior) / (answers + prior weight). A backend that
 * has gone silent so looks slower with every millisecond, before anything has timed out.
 *
 * The choice is the best of `candidates` independent draws from q ∝ latency^−sharpness, by least
 * score = latency × (requests in flight + 1): the power of d choices (Mitzenmacher 2001) with a learned draw. With
 * Q₍<r₎ the mass of better scores, P(rank r) = (1 − Q₍<r₎)^d − (1 − Q₍≤r₎)^d, so the propensity needs no sampling.
 */
export interface BalancerOptions {
  /** d, how many arms are drawn to pick the best of; integer ≥ 1. 1 ignores requests in flight; ∞ is the least score. */
  readonly candidates: number;
  /** Exponent of the draw, q ∝ latency^−sharpness; integer ≥ 0. 0 draws uniformly. */
  readonly sharpness: number;
  /** Time in which an answer loses half its weight, ms; > 0. */
  readonly halfLifeMs: number;
  /** Most answers' worth of memory for an arm; > 0. Keeps the reaction to a busy arm as quick as to a quiet one. */
  readonly maxWeight: number;
  /** Answers that the prior of an arm counts for; > 0. */
  readonly priorWeight: number;
  /**
   * What others saw of an arm counts only where it is this many times what this client usually gets; ≥ 0. Totals are
   * the same for all and late: where they rank good arms too (0), all clients go to the same ones together.
   */
  readonly warnFactor: number;
  /** Latency expected before anything is known, ms; > 0. */
  readonly expectedMs: number;
  /** What an error is charged, and the most any latency counts, ms; > 0. Fast failures must not look fast. */
  readonly deadlineMs: number;
}

/** Tuned on the bench's recipe over seeds that its table does not report. */
export const balancerDefaults: BalancerOptions = Object.freeze({
  candidates: 16,
  sharpness: 8,
  halfLifeMs: 5_000,
  maxWeight: 32,
  priorWeight: 0.5,
  warnFactor: 4,
  expectedMs: 10,
  deadlineMs: 5_000,
});

/** What one client knows of its arms, by arm index. Local signals: never part of the evidence that travels. */
export interface BalancerState {
  /** Answers, forgotten by halves. */
  readonly weight: Float64Array;
  /** Their latencies, ms, forgotten alike. */
  readonly sumMs: Float64Array;
  /** When these two were last brought up to date, monotonic ms. */
  readonly heardMs: Float64Array;
  /** Requests sent and not settled. */
  readonly open: Float64Array;
  /** The sum of the times at which those were sent, monotonic ms: their ages add up to open × now − this. */
  readonly openSinceMs: Float64Array;
  /** Mean latency that others saw, ms; NaN where unknown. Read as a warning only: see `warnFactor`. */
  readonly elsewhereMs: Float64Array;
  /** The same three figures over all arms together. */
  readonly overall: { weight: number; sumMs: number; heardMs: number };
}

/** Room to work in, so that a choice allocates nothing; holds no knowledge. One for each state is fastest. */
export interface BalancerScratch {
  readonly latencyMs: Float64Array;
  readonly score: Float64Array;
  readonly mass: Float64Array;
  /** A permutation of the arms, left nearly sorted for the next choice. */
  readonly order: Int32Array;
}

/** A state that knows nothing of `arms` arms. */
export function balancerState(arms: number): BalancerState {
  const zeros = () => new Float64Array(arms);
  return {
    weight: zeros(),
    sumMs: zeros(),
    heardMs: zeros(),
    open: zeros(),
    openSinceMs: zeros(),
    elsewhereMs: zeros().fill(Number.NaN),
    overall: { weight: 0, sumMs: 0, heardMs: 0 },
  };
}

/** Scratch room for `arms` arms. */
export const balancerScratch = (arms: number): BalancerScratch => ({
  latencyMs: new Float64Array(arms),
  score: new Float64Array(arms),
  mass: new Float64Array(arms),
  order: Int32Array.from({ length: arms }, (_, i) => i),
});

/**
 * A new state for other arms that keeps what is known of those that stay.
 * @param from for each new arm its old index, or −1
 */
export function rearmBalancer(old: BalancerState, from: Int32Array): BalancerState {
  const next = balancerState(from.length);
  const kept = ['weight', 'sumMs', 'heardMs', 'open', 'openSinceMs', 'elsewhereMs'] as const;
  for (const field of kept)
    for (let i = 0; i < from.length; i++) if (from[i] >= 0) next[field][i] = old[field][from[i]];
  Object.assign(next.overall, old.overall);
  return next;
}

/** A request goes to `arm` now. */
export function balancerSent(state: BalancerState, arm: number, nowMs: number): void {
  state.open[arm]++;
  state.openSinceMs[arm] += nowMs;
}

/**
 * A request to `arm` has ended.
 * @param sentMs the time `balancerSent` was given for it
 * @param latencyMs what it took, or NaN for an error or a lost answer, which are charged the deadline
 */
export function balancerSettled(
  state: BalancerState,
  arm: number,
  sentMs: number,
  latencyMs: number,
  options: BalancerOptions,
  nowMs: number,
): void {
  close(state, arm, sentMs);
  const charged = latencyMs >= 0 ? Math.min(latencyMs, options.deadlineMs) : options.deadlineMs;
  const keep = remaining(nowMs - state.heardMs[arm], options.halfLifeMs);
  const weight = state.weight[arm] * keep + 1;
  const sum = state.sumMs[arm] * keep + charged;
  // Without the cap an arm with 500 answers a second would need 500 slow ones before it looked slow.
  const shrink = weight > options.maxWeight ? options.maxWeight / weight : 1;
  state.weight[arm] = weight * shrink;
  state.sumMs[arm] = sum * shrink;
  state.heardMs[arm] = nowMs;
  const { overall } = state;
  const keepAll = remaining(nowMs - overall.heardMs, options.halfLifeMs);
  overall.weight = overall.weight * keepAll + 1;
  overall.sumMs = overall.sumMs * keepAll + charged;
  overall.heardMs = nowMs;
}

function close(state: BalancerState, arm: number, sentMs: number): void {
  // An outcome whose sending was never seen (before a restart, say) has nothing to close.
  if (state.open[arm] <= 0) return;
  state.open[arm]--;
  // At zero the sum is exactly zero again, whatever rounding or a wrong time has left.
  state.openSinceMs[arm] = state.open[arm] === 0 ? 0 : state.openSinceMs[arm] - sentMs;
}

const remaining = (elapsedMs: number, halfLifeMs: number): number =>
  elapsedMs > 0 ? exp2(-elapsedMs / halfLifeMs) : 1;

/** Writes the learned latency of each of the first `arms` arms, ms, all > 0. */
export function learnedLatencies(
  state: BalancerState,
  arms: number,
  options: BalancerOptions,
  nowMs: number,
  out: Float64Array,
): void {
  const { overall, weight, sumMs, heardMs, elsewhereMs } = state;
  const { priorWeight, warnFactor, halfLifeMs, deadlineMs } = options;
  const keepAll = remaining(nowMs - overall.heardMs, halfLifeMs);
  const meanMs = (overall.sumMs * keepAll + options.expectedMs) / (overall.weight * keepAll + 1);
  for (let i = 0; i < arms; i++) {
    const keep = remaining(nowMs - heardMs[i], halfLifeMs);
    const priorMs = elsewhereMs[i] > warnFactor * meanMs ? elsewhereMs[i] : meanMs;
    const openMs = timeInFlight(state, i, deadlineMs, nowMs);
    out[i] = (sumMs[i] * keep + openMs + priorWeight * priorMs) / (weight[i] * keep + priorWeight);
  }
}

/** How long the requests of an arm have been in flight in all, ms. */
function timeInFlight(state: BalancerState, arm: number, deadlineMs: number, nowMs: number): number {
  const open = state.open[arm];
  if (open === 0) return 0;
  // Wrong times of sending must not grow into an arm that looks dead, or infinitely fast.
  return Math.min(Math.max(open * nowMs - state.openSinceMs[arm], 0), open * deadlineMs);
}

/**
 * Writes the distribution over the first `arms` arms into `p`: sums to 1, nothing outside `allowed`, the same for the
 * same input, no allocation. At least one arm must be allowed.
 * @param inFlight requests under way by arm, of whichever sender this client can count
 */
export function balancerChoice(
  state: BalancerState,
  arms: number,
  allowed: Uint8Array,
  inFlight: Int32Array,
  options: BalancerOptions,
  nowMs: number,
  scratch: BalancerScratch,
  p: Float64Array,
): void {
  const { latencyMs, score, mass } = scratch;
  learnedLatencies(state, arms, options, nowMs, latencyMs);
  let least = Infinity;
  for (let i = 0; i < arms; i++) if (allowed[i] === 1 && latencyMs[i] < least) least = latencyMs[i];
  for (let i = 0; i < arms; i++) {
    const open = allowed[i] === 1;
    score[i] = open ? latencyMs[i] * (inFlight[i] + 1) : Infinity;
    // Relative to the least, so that no latency in any unit can overflow.
    mass[i] = open ? power(least / latencyMs[i], options.sharpness) : 0;
  }
  bestOfDraws(score, mass, arms, options.candidates, scratch.order, p);
}

/**
 * The exact law of "draw d arms independently by `mass`, take the least `score`". Of arms with equal scores that were
 * both drawn the first drawn wins, which shares the mass of a tie by `mass`.
 * @param mass weight of each arm in a draw, ≥ 0, not all 0; need not sum to 1
 * @param order a permutation of 0…arms−1, sorted in place; any will do, the last one is fastest
 */
export function bestOfDraws(
  score: Float64Array,
  mass: Float64Array,
  arms: number,
  d: number,
  order: Int32Array,
  p: Float64Array,
): void {
  sortByScore(order, score, arms);
  // Summed in rank order, so that the share left comes out exactly 0 after the last arm that has mass.
  let total = 0;
  for (let r = 0; r < arms; r++) total += mass[order[r]];
  let sum = 0;
  let tail = 1;
  for (let r = 0; r < arms; ) {
    let end = r;
    let group = 0;
    const tied = score[order[r]];
    for (; end < arms && score[order[end]] === tied; end++) {
      sum += mass[order[end]];
      group += mass[order[end]];
    }
    const nextTail = power(Math.max(0, (total - sum) / total), d);
    const each = group > 0 ? (tail - nextTail) / group : 0;
    for (; r < end; r++) p[order[r]] = mass[order[r]] * each;
    tail = nextTail;
  }
}

/** Insertion sort by (score, index): linear when little has changed since the last choice, as is usual. */
function sortByScore(order: Int32Array, score: Float64Array, arms: number): void {
  for (let r = 1; r < arms; r++) {
    const arm = order[r];
    const value = score[arm];
    let at = r - 1;
    while (at >= 0 && (score[order[at]] > value || (score[order[at]] === value && order[at] > arm))) {
      order[at + 1] = order[at];
      at--;
    }
    order[at + 1] = arm;
  }
}

/** x to the n, n an integer ≥ 0, by squaring: the exponents here are small, and Math.pow is ten times slower. */
function power(x: number, n: number): number {
  let result = 1;
  for (let base = x, left = n; left > 0; left >>= 1) {
    if ((left & 1) === 1) result *= base;
    base *= base;
  }
  return result;
}
