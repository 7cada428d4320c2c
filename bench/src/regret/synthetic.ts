import { stream } from '@ganglion/core/testing';
import type { Problem } from './drive.ts';

/**
 * The usual linear problem: contexts uniform on the unit sphere of `features` dimensions, one hidden unit direction an
 * arm, a coin that pays with probability ½ + 0.4 θᵀx.
 */
export function linearProblem(seed: number, arms: number, features: number, steps: number): Problem {
  const random = stream(seed, 1);
  const direction = (): Float64Array => {
    const v = Float64Array.from({ length: features }, () => random.normal());
    const length = Math.hypot(...v);
    return v.map((value) => value / length);
  };
  const thetas = Array.from({ length: arms }, direction);
  const contexts = Array.from({ length: steps }, direction);
  const field = { type: 'number', min: -1, max: 1, required: true };
  return {
    arms,
    steps,
    context: Object.fromEntries(
      Array.from({ length: features }, (_, i) => [`x${String(i).padStart(3, '0')}`, field]),
    ),
    at(step, context, mean) {
      context.set(contexts[step]);
      for (let a = 0; a < arms; a++) {
        let sum = 0;
        for (let i = 0; i < features; i++) sum += thetas[a][i] * context[i];
        mean[a] = 0.5 + 0.4 * sum;
      }
    },
  };
}
