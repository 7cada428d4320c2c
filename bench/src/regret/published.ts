import { stream } from '@ganglion/core/testing';
import type { Learner } from './drive.ts';

/**
 * Published rules by their papers' pseudo-code, on plain arrays and without anything of ours: full inverses kept up by
 * Sherman and Morrison's formula after every outcome, samples drawn afresh at every step. What ours are measured against.
 */
interface Model {
  readonly inverse: number[][];
  readonly b: number[];
}

function models(arms: number, features: number): Model[] {
  const d = features + 1;
  const all = Array.from({ length: d }, (_, i) => i);
  return Array.from({ length: arms }, () => ({
    inverse: all.map((i) => all.map((j) => (i === j ? 1 : 0))),
    b: all.map(() => 0),
  }));
}

function update({ inverse, b }: Model, x: readonly number[], y: number): void {
  const ax = inverse.map((row) => row.reduce((sum, value, j) => sum + value * x[j], 0));
  const scale = 1 + ax.reduce((sum, value, i) => sum + value * x[i], 0);
  for (let i = 0; i < x.length; i++) {
    b[i] += y * x[i];
    for (let j = 0; j < x.length; j++) inverse[i][j] -= (ax[i] * ax[j]) / scale;
  }
}

const times = (matrix: readonly (readonly number[])[], v: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, value, j) => sum + value * v[j], 0));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** LinUCB with disjoint models (Li et al. 2010, algorithm 1). */
export function linUcb(arms: number, features: number, alpha: number): Learner {
  const each = models(arms, features);
  return {
    propose(context, p) {
      const x = [1, ...context];
      const upper = each.map(({ inverse, b }) => {
        const ax = times(inverse, x);
        return dot(ax, b) + alpha * Math.sqrt(dot(ax, x));
      });
      p.fill(0);
      p[upper.indexOf(Math.max(...upper))] = 1;
    },
    learn(context, arm, _p, reward) {
      update(each[arm], [1, ...context], reward - 0.5);
    },
  };
}

/** Linear Thompson sampling (Agrawal & Goyal 2013): a fresh N(Λ⁻¹b, v²Λ⁻¹) for every arm at every step. */
export function linearThompson(arms: number, features: number, v: number, seed: number): Learner {
  const each = models(arms, features);
  const random = stream(seed, 3);
  return {
    propose(context, p) {
      const x = [1, ...context];
      // θᵀx of a normal θ is normal: only its mean and variance are needed.
      const sampled = each.map(({ inverse, b }) => {
        const ax = times(inverse, x);
        return dot(ax, b) + v * Math.sqrt(dot(ax, x)) * random.normal();
      });
      p.fill(0);
      p[sampled.indexOf(Math.max(...sampled))] = 1;
    },
    learn(context, arm, _p, reward) {
      update(each[arm], [1, ...context], reward - 0.5);
    },
  };
}

/** Knows nothing and learns nothing. */
export const evenly = (arms: number): Learner => ({
  propose: (_context, p) => void p.fill(1 / arms),
  learn: () => undefined,
});
