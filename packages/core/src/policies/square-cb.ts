import { choice, number, rejectUnknown } from '../options.ts';
import type { Policy, PolicyInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { pow } from '../stats/math.ts';
import { MODEL_OPTIONS } from './contextual.ts';
import { rated } from './rated.ts';

/**
 * `{ kind: square-cb, model, gamma, exponent, … }`: inverse gap weighting (Foster & Rakhlin, "Beyond UCB: optimal and
 * efficient contextual bandits with regression oracles", ICML 2020). Of K allowed arms, one that looks worse than the
 * best by `gap` (in units of the range) gets 1 / (K + γ_N · gap), and the best gets the rest: every arm always has some
 * probability, so what it logs can be evaluated.
 *
 * - `gamma`, `exponent` (default 10, ½): γ_N = gamma · N^exponent, N the effective number of outcomes.
 * - `model`: `linear` (default) or `logistic`, with the options of `linear-thompson` on features.
 */
export const squareCb: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['model', 'gamma', 'exponent', ...MODEL_OPTIONS], input.path);
  const model = choice(options, 'model', ['linear', 'logistic'], 'linear', input.path);
  const gamma = number(options, 'gamma', { min: 1e-3, max: 1e6, default: 10 }, input.path);
  const exponent = number(options, 'exponent', { min: 0, max: 1, default: 0.5 }, input.path);
  return rated(options, input, {
    name: `square-cb-${model}/1`,
    model,
    untriedFirst: false,
    fill: (value, n, at, p) => fillInverseGaps(value, gamma * pow(Math.max(1, n), exponent), at, p),
  });
};

/** Inverse gap weighting of values in units of the range. */
function fillInverseGaps(value: Float64Array, gamma: number, at: PolicyInput, p: Float64Array): void {
  let best = -1;
  for (let a = 0; a < at.arms; a++) if (at.allowed[a] === 1 && (best < 0 || value[a] > value[best])) best = a;
  let rest = 1;
  for (let a = 0; a < at.arms; a++) {
    if (a === best) continue;
    p[a] = at.allowed[a] === 1 ? 1 / (at.allowedCount + gamma * (value[best] - value[a])) : 0;
    rest -= p[a];
  }
  p[best] = rest;
}
