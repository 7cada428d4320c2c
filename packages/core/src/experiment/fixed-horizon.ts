import { normalCdf, normalQuantile, studentCdf, studentQuantile } from '../stats/distributions.ts';
import { sqrt } from '../stats/math.ts';
import { mostOf, type Spread, type Sums, scaled, spreadOf, together } from '../stats/spread.ts';

/** Fixed horizon: one look, at a size that was chosen before. Looking earlier, or again, breaks what it promises. */
export interface WelchTest {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly t: number;
  /** Welch–Satterthwaite degrees of freedom. */
  readonly df: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * Welch's t-test (1947) of mean(a) − mean(b), variances unequal; undefined below two outcomes a side or where nothing
 * varies by more than rounding does. @param alpha - of the interval.
 */
export function welchTest(a: Sums, b: Sums, alpha = 0.05): WelchTest | undefined {
  if (!(a.n >= 2 && b.n >= 2)) return undefined;
  const [ea, eb] = [squaredErrorOf(a), squaredErrorOf(b)];
  const squaredError = mostOf(together(ea, eb));
  if (squaredError === undefined) return undefined;
  const [va, vb] = [ea, eb].map(({ seen, noise }) => Math.max(0, seen + noise));
  const estimate = a.sum / a.n - b.sum / b.n;
  const df = (squaredError * squaredError) / ((va * va) / (a.n - 1) + (vb * vb) / (b.n - 1));
  const t = estimate / sqrt(squaredError);
  const half = studentQuantile(1 - alpha / 2, df) * sqrt(squaredError);
  return {
    estimate,
    low: estimate - half,
    high: estimate + half,
    t,
    df,
    p: 2 * studentCdf(-Math.abs(t), df),
  };
}

function squaredErrorOf(sums: Sums): Spread {
  return scaled(spreadOf(sums), 1 / (sums.n - 1) / sums.n);
}

/** What an experiment must be able to see. */
export interface Plan {
  /** Smallest difference of means worth finding, > 0. */
  readonly effect: number;
  /** Variance of one outcome on either side, > 0. */
  readonly variance: number;
  readonly variance2?: number | undefined;
  /** Two-sided; default 0.05. */
  readonly alpha?: number | undefined;
  /** Share of units on the first side, in (0, 1); default 0.5. */
  readonly share?: number | undefined;
}

/**
 * Units over both sides together for this power, by the normal approximation (Chow, Shao, Wang, "Sample size
 * calculations in clinical research", §3.2): n = (z₁₋α/₂ + z_power)² (σ₁²/s + σ₂²/(1 − s)) / effect², rounded up.
 */
export function sampleSize(plan: Plan, power = 0.8): number {
  const { effect, alpha = 0.05 } = plan;
  const z = normalQuantile(1 - alpha / 2) + normalQuantile(power);
  return Math.ceil(((z * z) / (effect * effect)) * spread(plan) - 1e-9);
}

/** Chance that a two-sided test over so many units finds the effect. */
export function powerOf(plan: Plan, units: number): number {
  const shift = Math.abs(plan.effect) / sqrt(spread(plan) / units);
  const z = normalQuantile(1 - (plan.alpha ?? 0.05) / 2);
  return normalCdf(shift - z) + normalCdf(-shift - z);
}

function spread({ variance, variance2 = variance, share = 0.5 }: Plan): number {
  return variance / share + variance2 / (1 - share);
}
