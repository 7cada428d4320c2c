import { incompleteBeta, logBeta, logGamma, studentCdf } from './distributions.ts';
import { exp, exp2, log, log1p, log2, sqrt } from './math.ts';

/**
 * P(arm is best): the allocation of randomised probability matching (Scott 2010), by deterministic quadrature.
 *
 * P(k is best) = ∫ f_k Π_{j≠k} F_j. All arms are walked along one grid: the union of nodes that each arm asks for about
 * its own centre in its own scale, so peaked and wide arms are both resolved. Densities are evaluated on the nodes; CDFs
 * and the answer are integrated along with the trapezoid rule corrected by the (exact) slopes, error O(h⁴): below 2e-4 of
 * probability whatever the mix, below 1e-5 mostly. Betas are
 * walked in the logit, where they are smooth bells whatever their parameters. Memory is linear in the arms.
 */

// An arm asks for nodes at centre + scale · 1.5 sinh(0.2 i): dense about the centre, even in the logarithm far out.
const STEP = 0.2;
const STRETCH = 1.5;
// Below this probability a tail is left away.
const TAIL = 1e-9;
// A node closer to its predecessor than this part of its own spacing adds nothing.
const THIN = 0.6;

interface Bells {
  readonly count: number;
  readonly centre: Float64Array;
  readonly scale: Float64Array;
  /** Nothing of the arm lies outside. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  cdf(arm: number, at: number): number;
  /** Prepares a node shared by all arms. */
  moveTo(at: number): void;
  /** Density at the node. */
  density(arm: number): number;
  /** d ln density at the node. */
  slope(arm: number): number;
}

/** For Beta(a, b) posteriors, a and b > 0. Fills `out[0 … arms)` with probabilities that sum to 1. */
export function bestBeta(a: Float64Array, b: Float64Array, arms: number, out: Float64Array): void {
  const bells = shape(arms);
  const norm = new Float64Array(arms);
  for (let k = 0; k < arms; k++) {
    const scale = sqrt(1 / a[k] + 1 / b[k]);
    bells.centre[k] = log(a[k] / b[k]);
    bells.scale[k] = scale;
    // The logit's tails fall like e^(a t) and e^(−b t).
    bells.low[k] = bells.centre[k] - 6.4 * scale - 21 / a[k];
    bells.high[k] = bells.centre[k] + 6.4 * scale + 21 / b[k];
    norm[k] = -logBeta(a[k], b[k]);
  }
  let lower = 0; // ln x
  let upper = 0; // ln (1 − x)
  let x = 0;
  integrate(
    {
      ...bells,
      cdf: (k, t) => incompleteBeta(a[k], b[k], 1 / (1 + exp(-t))),
      moveTo: (t) => {
        lower = t > 0 ? -log1p(exp(-t)) : t - log1p(exp(t));
        upper = lower - t;
        x = exp(lower);
      },
      density: (k) => exp(a[k] * lower + b[k] * upper + norm[k]),
      slope: (k) => a[k] - (a[k] + b[k]) * x,
    },
    out,
  );
}

/** For Student-t posteriors (location, scale > 0, degrees of freedom > 0). Fills `out` with probabilities that sum to 1. */
export function bestStudent(
  location: Float64Array,
  scale: Float64Array,
  df: Float64Array,
  arms: number,
  out: Float64Array,
): void {
  const bells = shape(arms);
  const norm = new Float64Array(arms);
  for (let k = 0; k < arms; k++) {
    const nu = df[k];
    // P(T > z) ≤ (1 + z²/ν)^(−ν/2) up to a factor below 1 for ν ≥ 1.
    const reach = Math.min(1e8, sqrt(nu * (exp((-2 / nu) * log(TAIL)) - 1)));
    bells.centre[k] = location[k];
    bells.scale[k] = scale[k];
    bells.low[k] = location[k] - reach * scale[k];
    bells.high[k] = location[k] + reach * scale[k];
    norm[k] = logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * log(nu * Math.PI) - log(scale[k]);
  }
  let at = 0;
  integrate(
    {
      ...bells,
      cdf: (k, t) => studentCdf((t - location[k]) / scale[k], df[k]),
      moveTo: (t) => {
        at = t;
      },
      density: (k) => {
        const z = (at - location[k]) / scale[k];
        return exp(norm[k] - 0.5 * (df[k] + 1) * log1p((z * z) / df[k]));
      },
      slope: (k) => {
        const z = (at - location[k]) / scale[k];
        return (-(df[k] + 1) * z) / ((df[k] + z * z) * scale[k]);
      },
    },
    out,
  );
}

function shape(arms: number): Pick<Bells, 'count' | 'centre' | 'scale' | 'low' | 'high'> {
  const make = (): Float64Array => new Float64Array(arms);
  return { count: arms, centre: make(), scale: make(), low: make(), high: make() };
}

function integrate(bells: Bells, out: Float64Array): void {
  const { count, low, high } = bells;
  out.fill(0, 0, count);
  // The best is never below the highest lower end: there some arm's CDF is 0.
  let from = -Infinity;
  for (let k = 0; k < count; k++) from = Math.max(from, low[k]);
  const active: number[] = [];
  for (let k = 0; k < count; k++) if (high[k] > from) active.push(k);
  if (active.length === 1) {
    out[active[0]] = 1;
    return;
  }
  walk(bells, active, grid(bells, active, from), out);
  let sum = 0;
  for (const k of active) sum += Math.max(0, out[k]);
  for (const k of active) out[k] = out[k] > 0 ? out[k] / sum : 0;
}

/** The union of the arms' own nodes above `from`, in order, thinned where they crowd. */
function grid(bells: Bells, active: readonly number[], from: number): Float64Array {
  let total = 1;
  const first = (k: number): number => sinhIndex((from - bells.centre[k]) / bells.scale[k], Math.ceil);
  const last = (k: number): number =>
    sinhIndex((bells.high[k] - bells.centre[k]) / bells.scale[k], Math.ceil);
  for (const k of active) total += Math.max(0, last(k) - first(k) + 1);
  const nodes = new Float64Array(total);
  nodes[0] = from;
  let n = 1;
  for (const k of active)
    for (let i = first(k); i <= last(k); i++)
      nodes[n++] = Math.max(from, bells.centre[k] + bells.scale[k] * nodeOffset(i));
  return thin(bells, active, nodes.subarray(0, n).sort());
}

/** Keeps a node only where the gap to the last kept one matters to the arm that is finest there. */
function thin(bells: Bells, active: readonly number[], nodes: Float64Array): Float64Array {
  if (active.length < 3) return nodes;
  // Arms of like scale ask for like spacing; the finest spacing at a place is found on classes of scales, not on arms.
  const classes = spacingClasses(bells, active);
  let kept = 1;
  for (let i = 1; i < nodes.length; i++) {
    const gap = nodes[i] - nodes[kept - 1];
    if (gap > THIN * finest(classes, nodes[i]) || i === nodes.length - 1) nodes[kept++] = nodes[i];
  }
  return nodes.subarray(0, kept);
}

interface SpacingClass {
  readonly scale: number;
  low: number;
  high: number;
}

function spacingClasses(bells: Bells, active: readonly number[]): SpacingClass[] {
  const byPower = new Map<number, SpacingClass>();
  for (const k of active) {
    const power = Math.floor(log2(bells.scale[k]));
    const found = byPower.get(power);
    const centre = bells.centre[k];
    if (found === undefined) byPower.set(power, { scale: exp2(power), low: centre, high: centre });
    else {
      found.low = Math.min(found.low, centre);
      found.high = Math.max(found.high, centre);
    }
  }
  return [...byPower.values()];
}

function finest(classes: readonly SpacingClass[], at: number): number {
  let spacing = Infinity;
  for (const { scale, low, high } of classes) {
    const away = Math.max(0, low - at, at - high);
    spacing = Math.min(spacing, STEP * sqrt(STRETCH * STRETCH * scale * scale + away * away));
  }
  return spacing;
}

function nodeOffset(i: number): number {
  const e = exp(STEP * i);
  return (STRETCH / 2) * (e - 1 / e);
}

function sinhIndex(z: number, round: (x: number) => number): number {
  const y = Math.abs(z) / STRETCH;
  const inverse = log(y + sqrt(y * y + 1));
  return round((z < 0 ? -inverse : inverse) / STEP);
}

/** One pass over the nodes, integrating every CDF and every answer along. */
function walk(bells: Bells, active: readonly number[], nodes: Float64Array, out: Float64Array): void {
  const n = active.length;
  const cdf = new Float64Array(n);
  const density = new Float64Array(n);
  const slope = new Float64Array(n);
  const value = new Float64Array(n); // f_k Π_{j≠k} F_j
  const change = new Float64Array(n); // its derivative
  const suffix = new Float64Array(n + 1);
  const suffixSlope = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) cdf[i] = bells.cdf(active[i], nodes[0]);
  for (let node = 0; node < nodes.length; node++) {
    const h = node === 0 ? 0 : nodes[node] - nodes[node - 1];
    const half = h / 2;
    const twelfth = (h * h) / 12;
    bells.moveTo(nodes[node]);
    for (let i = 0; i < n; i++) {
      if (nodes[node] > bells.high[active[i]]) {
        cdf[i] = 1;
        density[i] = 0;
        slope[i] = 0;
        continue;
      }
      const f = bells.density(active[i]);
      const df = f === 0 ? 0 : f * bells.slope(active[i]);
      const F = cdf[i] + half * (density[i] + f) + twelfth * (slope[i] - df);
      cdf[i] = Math.min(1, Math.max(0, F));
      density[i] = f;
      slope[i] = df;
    }
    suffix[n] = 1;
    for (let i = n - 1; i >= 0; i--) {
      suffix[i] = suffix[i + 1] * cdf[i];
      suffixSlope[i] = suffixSlope[i + 1] * cdf[i] + suffix[i + 1] * density[i];
    }
    let prefix = 1;
    let prefixSlope = 0;
    for (let i = 0; i < n; i++) {
      const others = prefix * suffix[i + 1];
      const othersSlope = prefixSlope * suffix[i + 1] + prefix * suffixSlope[i + 1];
      const next = density[i] * others;
      const nextChange = slope[i] * others + density[i] * othersSlope;
      if (node > 0) out[active[i]] += half * (value[i] + next) + twelfth * (change[i] - nextChange);
      value[i] = next;
      change[i] = nextChange;
      prefixSlope = prefixSlope * cdf[i] + prefix * density[i];
      prefix *= cdf[i];
    }
  }
}
