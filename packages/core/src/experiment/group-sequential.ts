import type { ComparisonPlan } from '../comparison.ts';
import { GanglionError } from '../errors.ts';
import { normalCdf, normalQuantile } from '../stats/distributions.ts';
import { exp, log1p, SQRT_2PI, sqrt } from '../stats/math.ts';

/**
 * Group-sequential boundaries, for experiments whose horizon is known: a few planned looks, and nearly the power of one.
 *
 * Error is spent along a function of the information fraction (Lan, DeMets, "Discrete sequential boundaries for clinical
 * trials", Biometrika 1983), so looks need not be equally spaced nor fixed beforehand. The joint law of the z-values is
 * integrated numerically, look by look (Armitage, McPherson, Rowe 1969; Jennison, Turnbull, "Group sequential methods",
 * 2000, ch. 19): Simpson's rule over the scores that would go on.
 */
export type Spending = ComparisonPlan['spending'];

/**
 * Two-sided α spent by information fraction t in (0, 1]: half on either side.
 * O'Brien–Fleming type: 2 · (2 − 2Φ(z₁₋α/₄ / √t)); Pocock type: α ln(1 + (e − 1) t).
 */
export function spentAlpha(kind: Spending, alpha: number, t: number): number {
  if (t <= 0) return 0;
  const at = Math.min(1, t);
  if (kind === 'pocock') return alpha * log1p((Math.E - 1) * at);
  return 4 * normalCdf(normalQuantile(alpha / 4) / sqrt(at));
}

export interface Boundaries {
  /** Reject at look k iff |z| ≥ `z[k]`. */
  readonly z: readonly number[];
  /** Two-sided α spent up to and with look k. */
  readonly spent: readonly number[];
}

/**
 * Two-sided symmetric boundaries.
 * @param times - information fractions of the looks so far, rising, in (0, 1]; at most 100. The last look of an
 *   experiment is at 1, whatever was planned: then all of α is spent.
 * @param information - by look, in any unit, rising; default: the times. They differ where the last look came late: error
 *   is spent by the plan, but the z-values are related as what had been counted.
 * @throws GanglionError `invalid_input` for looks that do not rise
 */
export function spendingBoundaries(
  kind: Spending,
  alpha: number,
  times: readonly number[],
  information: readonly number[] = times,
): Boundaries {
  const z: number[] = [];
  const spent: number[] = [];
  let walk: Walk | undefined;
  times.forEach((time, k) => {
    if (!(time > (k === 0 ? 0 : times[k - 1]) && time <= 1))
      throw new GanglionError('invalid_input', 'looks must be at rising fractions, above 0 and up to 1', {
        field: `times[${k}]`,
        value: time,
        mend: 'Leave out a look at which nothing new had come.',
      });
    const at = information[k] / information[information.length - 1];
    const target = spentAlpha(kind, alpha, time) - (k === 0 ? 0 : spent[k - 1]);
    const bound = boundaryFor(walk, at, Math.max(0, target) / 2);
    z.push(bound);
    spent.push((k === 0 ? 0 : spent[k - 1]) + 2 * upperExit(walk, at, bound, 0));
    if (k < times.length - 1) walk = advance(walk, at, bound, 0);
  });
  return { z, spent };
}

/**
 * P(some look k has |z_k| ≥ z[k]) where the final z-value has mean `drift` (0: the α of these boundaries; θ√I: power).
 */
export function exitProbability(times: readonly number[], z: readonly number[], drift = 0): number {
  let walk: Walk | undefined;
  let total = 0;
  times.forEach((time, k) => {
    total += upperExit(walk, time, z[k], drift) + lowerExit(walk, time, z[k], drift);
    walk = advance(walk, time, z[k], drift);
  });
  return total;
}

/** Sub-density of the score S (Brownian motion with drift) at a look, for those that have not crossed yet. */
interface Walk {
  readonly time: number;
  readonly scores: Float64Array;
  /** Density times Simpson weight. */
  readonly mass: Float64Array;
}

// Beyond eight standard deviations there is nothing to integrate, nor a boundary to find.
const FARTHEST = 8;
const POINTS = 321;

function gap(walk: Walk | undefined, time: number): number {
  return time - (walk?.time ?? 0);
}

function upperExit(walk: Walk | undefined, time: number, bound: number, drift: number): number {
  const edge = bound * sqrt(time);
  if (walk === undefined) return normalCdf((drift * time - edge) / sqrt(time));
  const [step, sd] = [gap(walk, time), sqrt(gap(walk, time))];
  let total = 0;
  for (let i = 0; i < POINTS; i++)
    total += walk.mass[i] * normalCdf((walk.scores[i] + drift * step - edge) / sd);
  return total;
}

function lowerExit(walk: Walk | undefined, time: number, bound: number, drift: number): number {
  const edge = -bound * sqrt(time);
  if (walk === undefined) return normalCdf((edge - drift * time) / sqrt(time));
  const [step, sd] = [gap(walk, time), sqrt(gap(walk, time))];
  let total = 0;
  for (let i = 0; i < POINTS; i++)
    total += walk.mass[i] * normalCdf((edge - walk.scores[i] - drift * step) / sd);
  return total;
}

/** The z whose upper exit probability is `target`; `FARTHEST` where that is next to nothing. */
function boundaryFor(walk: Walk | undefined, time: number, target: number): number {
  if (upperExit(walk, time, FARTHEST, 0) >= target) return FARTHEST;
  let [low, high] = [0, FARTHEST];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (upperExit(walk, time, middle, 0) > target) low = middle;
    else high = middle;
  }
  return high;
}

function advance(walk: Walk | undefined, time: number, bound: number, drift: number): Walk {
  const root = sqrt(time);
  const centre = drift * time;
  // Where the drift carries the walk far off, only that part of the way which has any mass.
  const low = Math.max(-bound * root, centre - FARTHEST * root);
  const high = Math.max(low + 1e-12, Math.min(bound * root, centre + FARTHEST * root));
  const width = (high - low) / (POINTS - 1);
  const scores = new Float64Array(POINTS);
  const mass = new Float64Array(POINTS);
  for (let i = 0; i < POINTS; i++) {
    scores[i] = low + i * width;
    const simpson = (i === 0 || i === POINTS - 1 ? 1 : i % 2 === 1 ? 4 : 2) * (width / 3);
    mass[i] = simpson * densityAt(walk, time, scores[i], drift);
  }
  return { time, scores, mass };
}

function densityAt(walk: Walk | undefined, time: number, score: number, drift: number): number {
  const step = gap(walk, time);
  const sd = sqrt(step);
  if (walk === undefined) return normalDensity((score - drift * step) / sd) / sd;
  let total = 0;
  for (let i = 0; i < POINTS; i++)
    total += walk.mass[i] * normalDensity((score - walk.scores[i] - drift * step) / sd);
  return total / sd;
}

const normalDensity = (x: number): number => exp(-0.5 * x * x) / SQRT_2PI;
