import { exp, log } from '../stats/math.ts';
import { MIN_OUTCOMES, mixtureScale } from '../stats/sequential.ts';
import { mostOf, type Spread, type Sums, scaled, spreadOf, together } from '../stats/spread.ts';

/**
 * Mixture sequential probability ratio test (mSPRT): Johari, Koomen, Pekelis, Walsh, "Always valid inference: continuous
 * monitoring of A/B tests", Operations Research 2022, after Robbins 1970. The alternative effect is mixed over
 * N(0, τ²), which gives a closed form; under the null its chance of ever reaching 1/α is at most α.
 */
export interface MixtureTest {
  /** The mixture likelihood ratio: how much better "there is an effect" has bet than "there is none"; ≥ 0. */
  readonly e: number;
  /** min(1, 1/e). Always valid: it may be looked at as often as one likes. */
  readonly p: number;
}

export interface MixtureOptions {
  /** Number of outcomes (harmonic, both samples together) about which the test should be most powerful; default 1000. */
  readonly tightestAt?: number | undefined;
  /** The α that `tightestAt` is tuned for; default 0.05. The test is valid at every α. */
  readonly alpha?: number | undefined;
  /** Difference under the null; default 0. */
  readonly null?: number | undefined;
}

/** ln of the mixture likelihood ratio of an estimate `effect` away from the null, for a known squared standard error. */
export function logMixtureRatio(effect: number, squaredError: number, tau2: number): number {
  const total = squaredError + tau2;
  return 0.5 * log(squaredError / total) + (tau2 * effect * effect) / (2 * squaredError * total);
}

/**
 * Whether the means of two samples that grow together differ by more than `null`. Variances are the samples' own, so a
 * side needs 100 outcomes before anything is said: e = 1 until then, and where they vary by no more than rounding does.
 */
export function mixtureTest(a: Sums, b: Sums, options: MixtureOptions = {}): MixtureTest {
  const { tightestAt = 1000, alpha = 0.05 } = options;
  if (!(a.n >= MIN_OUTCOMES && b.n >= MIN_OUTCOMES)) return NOTHING;
  const squaredError = mostOf(together(squaredErrorOf(a), squaredErrorOf(b)));
  if (squaredError === undefined) return NOTHING;
  const size = 1 / (1 / a.n + 1 / b.n);
  const tau2 = squaredError * size * mixtureScale(alpha, tightestAt);
  const effect = a.sum / a.n - b.sum / b.n - (options.null ?? 0);
  return ratioOf(logMixtureRatio(effect, squaredError, tau2));
}

/** The test whose ln e-value is this. */
export function ratioOf(logRatio: number): MixtureTest {
  const e = exp(Math.min(logRatio, 700));
  return { e, p: Math.min(1, 1 / e) };
}

const NOTHING: MixtureTest = Object.freeze({ e: 1, p: 1 });

// As in the confidence sequences: nine in n more, for the skew of small samples.
function squaredErrorOf(sums: Sums): Spread {
  return scaled(spreadOf(sums), (1 + 9 / sums.n) / sums.n / sums.n);
}
