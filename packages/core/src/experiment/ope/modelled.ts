import { GanglionError } from '../../errors.ts';
import type { ModelColumns, Sample } from './sample.ts';
import { column, meanTerms, type Terms } from './terms.ts';

/** The direct method: (1/n) Σᵢ Σₐ π(a|xᵢ) q̂(xᵢ, a). Steady, and as wrong as the model. Beygelzimer, Langford (2009). */
export function directMethod(sample: Sample): Terms {
  return meanTerms(modelOf(sample).expected);
}

/**
 * Doubly robust: the direct method, its model corrected by what was really seen, (1/n) Σ [q̂(xᵢ, π) + wᵢ (rᵢ − q̂(xᵢ, aᵢ))].
 * Right if either the propensities or the model are. Dudík, Langford, Li, "Doubly robust policy evaluation and learning"
 * (ICML 2011); Dudík, Erhan, Langford, Li (Statistical Science 2014).
 */
export function doublyRobust(sample: Sample): Terms {
  return corrected(sample, (w) => w);
}

/** Doubly robust with the correction divided by the mean weight (Robins, Sued, Lei-Gomez, Rotnitzky 2007). */
export function selfNormalisedDoublyRobust(sample: Sample): Terms {
  const { weight, reward, n } = sample;
  const { taken, expected } = modelOf(sample);
  return {
    mean: expected,
    ratio: { top: column(n, (i) => weight[i] * (reward[i] - taken[i])), bottom: weight },
    n,
  };
}

/**
 * Switch-DR: the correction only where the weight is at most `tau`; beyond it the model is believed. Wang, Agarwal,
 * Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits" (ICML 2017).
 */
export function switchDoublyRobust(sample: Sample, tau: number): Terms {
  positive('tau', tau);
  return corrected(sample, (w) => switched(w, tau));
}

/**
 * Doubly robust with optimistic shrinkage: the correction with λw / (w² + λ) in the place of w; λ = 0 is the direct
 * method, λ = ∞ doubly robust. Su, Dimakopoulou, Krishnamurthy, Dudík, "Doubly robust off-policy evaluation with
 * shrinkage" (ICML 2020).
 */
export function shrunkDoublyRobust(sample: Sample, lambda: number): Terms {
  positive('lambda', lambda);
  return corrected(sample, (w) => shrunk(w, lambda));
}

/** What Switch-DR uses of a weight. */
export function switched(w: number, tau: number): number {
  return w <= tau ? w : 0;
}

/** What DRos uses of a weight. */
export function shrunk(w: number, lambda: number): number {
  return lambda === Infinity ? w : lambda === 0 ? 0 : (lambda * w) / (w * w + lambda);
}

/** @throws GanglionError `invalid_input` where there is no model */
export function modelOf(sample: Sample): ModelColumns {
  if (sample.model === undefined)
    throw new GanglionError('invalid_input', 'This estimator needs a reward model', {
      field: 'model',
      mend: 'Give the predictions of a reward model, or ask for ips and snips only.',
    });
  return sample.model;
}

function corrected(sample: Sample, used: (w: number) => number): Terms {
  const { weight, reward, n } = sample;
  const { taken, expected } = modelOf(sample);
  return meanTerms(column(n, (i) => expected[i] + used(weight[i]) * (reward[i] - taken[i])));
}

function positive(field: string, value: number): void {
  if (!(value >= 0))
    throw new GanglionError('invalid_input', `${field} is not usable`, {
      field,
      value,
      mend: 'Give a number of at least 0.',
    });
}
