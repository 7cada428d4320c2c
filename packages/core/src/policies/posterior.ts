import { type Moments, type MomentsEvidence, OUTCOMES, ROW, W, WW, WX, WXX } from '../learners/moments.ts';
import { given, number, type Options, object, onlyKeys } from '../options.ts';
import type { ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { sqrt } from '../stats/math.ts';

/** What an author believes of an arm beforehand: as if `n` outcomes with this mean had been seen. It never fades. */
export interface WarmStart {
  readonly mean: number;
  readonly n: number;
}

/** What is known of every arm, in the reward's units, with what the options say of it beforehand. */
export interface Seen {
  /** Outcomes, undecayed, with those of the warm start. */
  readonly outcomes: Float64Array;
  /** Effective number of outcomes by now: faded by forgetting, and no more than uneven weights are worth. */
  readonly n: Float64Array;
  readonly mean: Float64Array;
  /** Mean squared deviation of the outcomes from their mean. */
  readonly variance: Float64Array;
}

/** Reads `prior: { arm: { mean, n } }`, in the order of the arms. */
export function warmStarts(options: Options, input: FactoryInput): readonly (WarmStart | undefined)[] {
  if (!given(options, 'prior')) return input.arms.map(() => undefined);
  const path = input.path === '' ? 'prior' : `${input.path}.prior`;
  const prior = object(options.prior, path);
  onlyKeys(
    prior,
    input.arms.map((arm) => arm.id),
    path,
  );
  return input.arms.map(({ id }) => {
    if (!given(prior, id)) return undefined;
    const at = `${path}.${id}`;
    const one = object(prior[id], at);
    onlyKeys(one, ['mean', 'n'], at);
    return {
      mean: number(one, 'mean', { min: input.range[0], max: input.range[1] }, at),
      n: number(one, 'n', { min: 0, max: 1e9 }, at),
    };
  });
}

/**
 * Own and pooled evidence of each arm as counts, means and variances at `at.nowMs`. Arms are found by key: one that was
 * removed and added again starts anew, one that moved in the list keeps what is known of it.
 *
 * @param centred - the warm starts, found by the arm's id.
 */
export function seenBy(
  evidence: MomentsEvidence,
  total: Moments,
  at: ViewInput,
  warm: ReadonlyMap<string, WarmStart>,
): Seen {
  const arms = at.arms.length;
  const seen: Seen = {
    outcomes: new Float64Array(arms),
    n: new Float64Array(arms),
    mean: new Float64Array(arms),
    variance: new Float64Array(arms),
  };
  const fade = evidence.decayTo(total, at.nowMs);
  for (let a = 0; a < arms; a++) {
    const row = total.arms.get(at.arms[a].key) ?? EMPTY;
    const w = row[W];
    let n = 0;
    let mean = 0;
    let squares = 0;
    if (w > 0) {
      n = Math.min(w * fade, row[WW] > 0 ? (w * w) / row[WW] : w * fade);
      mean = row[WX] / w;
      squares = n * Math.max(0, row[WXX] / w - mean * mean);
    }
    const start = warm.get(at.arms[a].id);
    if (start !== undefined && start.n > 0) {
      // Chan's parallel update: two groups with means apart have variance between them.
      const d = start.mean - evidence.centre - mean;
      squares += (d * d * n * start.n) / (n + start.n);
      mean += (d * start.n) / (n + start.n);
      n += start.n;
    }
    seen.outcomes[a] = row[OUTCOMES] + (start?.n ?? 0);
    seen.n[a] = n;
    seen.mean[a] = evidence.centre + mean;
    seen.variance[a] = n > 0 ? squares / n : 0;
  }
  return seen;
}

const EMPTY = new Float64Array(ROW);

/** Warm starts by arm id, for `seenBy`. */
export function warmById(
  input: FactoryInput,
  starts: readonly (WarmStart | undefined)[],
): ReadonlyMap<string, WarmStart> {
  const byId = new Map<string, WarmStart>();
  input.arms.forEach(({ id }, i) => {
    const start = starts[i];
    if (start !== undefined) byId.set(id, start);
  });
  return byId;
}

/** Posterior of an arm's mean reward: Student-t (Gaussian rewards) or the normal's moments of a Beta. */
export interface Posterior {
  readonly mean: Float64Array;
  /** Of the posterior of the mean; finite always, because the prior is proper. */
  readonly variance: Float64Array;
  readonly scale: Float64Array;
  readonly df: Float64Array;
}

// The prior, as pseudo-outcomes: one for the mean in the middle of the range, three for the spread, even over the range.
const PRIOR_MEAN = 1;
const PRIOR_SPREAD = 3;

/**
 * Gaussian rewards with unknown mean and variance under the conjugate normal-inverse-gamma prior (Gelman et al.,
 * "Bayesian Data Analysis", 3rd ed., §3.3). The prior is what the declared range says: centred, as wide as a uniform.
 */
export function gaussianPosterior(seen: Seen, range: readonly [number, number]): Posterior {
  const arms = seen.n.length;
  const make = (): Float64Array => new Float64Array(arms);
  const posterior: Posterior = { mean: make(), variance: make(), scale: make(), df: make() };
  const middle = (range[0] + range[1]) / 2;
  const spread = ((range[1] - range[0]) * (range[1] - range[0])) / 12;
  for (let a = 0; a < arms; a++) {
    const n = seen.n[a];
    const kappa = PRIOR_MEAN + n;
    const nu = PRIOR_SPREAD + n;
    const off = n > 0 ? seen.mean[a] - middle : 0;
    const squares = PRIOR_SPREAD * spread + n * seen.variance[a] + (PRIOR_MEAN * n * off * off) / kappa;
    const scaleSquared = squares / (nu * kappa);
    posterior.mean[a] = middle + (off * n) / kappa;
    posterior.scale[a] = sqrt(scaleSquared);
    posterior.df[a] = nu;
    posterior.variance[a] = (scaleSquared * nu) / (nu - 2);
  }
  return posterior;
}

/** Beta(1 + successes, 1 + failures), the reward mapped from the range to [0, 1]; fractions count in part. */
export function betaPosterior(
  seen: Seen,
  range: readonly [number, number],
): {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
} {
  const arms = seen.n.length;
  const make = (): Float64Array => new Float64Array(arms);
  const posterior = { a: make(), b: make(), mean: make(), variance: make() };
  const width = range[1] - range[0];
  for (let i = 0; i < arms; i++) {
    const share = seen.n[i] > 0 ? Math.min(1, Math.max(0, (seen.mean[i] - range[0]) / width)) : 0;
    const a = 1 + seen.n[i] * share;
    const b = 1 + seen.n[i] * (1 - share);
    const mean = a / (a + b);
    posterior.a[i] = a;
    posterior.b[i] = b;
    posterior.mean[i] = range[0] + width * mean;
    posterior.variance[i] = (width * width * mean * (1 - mean)) / (a + b + 1);
  }
  return posterior;
}
