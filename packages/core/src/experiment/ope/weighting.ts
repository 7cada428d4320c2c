import type { Sample } from './sample.ts';
import { column, meanTerms, type Terms } from './terms.ts';

/**
 * Inverse propensity scoring: (1/n) Σ wᵢ rᵢ. Unbiased where the log's policy could do whatever the candidate does, and
 * as restless as the weights. Horvitz and Thompson (1952); for bandit logs, Strehl, Langford, Li, Kakade, "Learning
 * from logged implicit exploration data" (2010).
 */
export function ips(sample: Sample): Terms {
  const { weight, reward, n } = sample;
  return meanTerms(column(n, (i) => weight[i] * reward[i]));
}

/**
 * Self-normalised: Σ wᵢ rᵢ / Σ wᵢ. A little biased, never outside the rewards' range, and steadier where weights vary.
 * Hájek (1971); Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning" (2015).
 */
export function snips(sample: Sample): Terms {
  const { weight, reward, n } = sample;
  return { mean: undefined, ratio: { top: column(n, (i) => weight[i] * reward[i]), bottom: weight }, n };
}
