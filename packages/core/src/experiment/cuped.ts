import type { Sums } from '../stats/sequential.ts';

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

/** The sides of a comparison with the covariate taken out. Where it says nothing, the sums are as they were. */
export function adjustSums(sides: readonly PairSums[]): Adjusted {
  let [sxx, sxy, syy, x, n] = [0, 0, 0, 0, 0];
  for (const side of sides) {
    if (side.n === 0) continue;
    sxx += side.xx - (side.x * side.x) / side.n;
    sxy += side.xy - (side.x * side.sum) / side.n;
    syy += side.squares - (side.sum * side.sum) / side.n;
    x += side.x;
    n += side.n;
  }
  const scale = sides.reduce((sum, side) => sum + side.xx, 0);
  // A covariate that does not vary beyond rounding explains nothing.
  if (!(sxx > 1e-12 * scale) || !(syy > 0)) return { sums: sides, theta: 0, reduction: 0 };
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
  return { n, sum: sum - theta * dx, squares: squares - 2 * theta * dxy + theta * theta * dxx };
}
