import { mostOf, roundingOf, type Spread, type Sums, spreadOf, together } from '../stats/spread.ts';

/**
 * CUPED: Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online controlled experiments by utilizing
 * pre-experiment data", WSDM 2013. A covariate known before the assignment explains part of an outcome's variance; what
 * is left is compared. y′ = y − θ (x − x̄) with θ = cov(x, y) / var(x) within the arms, pooled over them: unbiased,
 * because assignment cannot have moved x. All of it follows from sums that add up over nodes.
 */
export interface PairSums extends Sums {
  /** Of the covariate, over the same outcomes. */
  readonly x: number;
  readonly xx: number;
  readonly xy: number;
}

export interface Adjusted {
  /** One a side, in order: what the tests take in place of the raw sums. */
  readonly sums: readonly Sums[];
  readonly theta: number;
  /** Share of the variance that the covariate took away, in [0, 1]. */
  readonly reduction: number;
}

/**
 * The sides of a comparison with the covariate taken out. Where it says nothing, the sums are as they were; where it says all
 * there is, what is left is rounding, which `noise` says.
 */
export function adjustSums(sides: readonly PairSums[]): Adjusted {
  let [xs, ys]: Spread[] = [NONE, NONE];
  let [sxy, x, n] = [0, 0, 0];
  for (const side of sides) {
    if (side.n === 0) continue;
    xs = together(xs, spreadOf({ n: side.n, sum: side.x, squares: side.xx }));
    ys = together(ys, spreadOf(side));
    sxy += side.xy - (side.x * side.sum) / side.n;
    x += side.x;
    n += side.n;
  }
  const [sxx, syy] = [xs.seen, ys.seen];
  // A covariate that does not vary beyond rounding explains nothing, and nothing is explained of what does not.
  if (mostOf(xs) === undefined || mostOf(ys) === undefined) return { sums: sides, theta: 0, reduction: 0 };
  const theta = sxy / sxx;
  return {
    sums: sides.map((side) => adjusted(side, theta, x / n)),
    theta,
    reduction: Math.min(1, (sxy * sxy) / (sxx * syy)),
  };
}

function adjusted({ n, sum, squares, x, xx, xy }: PairSums, theta: number, centre: number): Sums {
  if (n === 0) return { n, sum, squares };
  // Σ(x − c), Σ(x − c)², Σ(x − c)y.
  const dx = x - n * centre;
  const dxx = xx - 2 * centre * x + n * centre * centre;
  const dxy = xy - centre * sum;
  return {
    n,
    sum: sum - theta * dx,
    squares: squares - 2 * theta * dxy + theta * theta * dxx,
    // Seven terms, each rounded as in `spread.ts`, and 2ab ≤ a² + b².
    noise: 2 * roundingOf(n, squares + theta * theta * (xx + n * centre * centre)),
  };
}

const NONE: Spread = Object.freeze({ seen: 0, noise: 0 });
