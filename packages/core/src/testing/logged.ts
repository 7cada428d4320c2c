import type { EstimatorName } from '../experiment/ope/estimators.ts';
import type { LoggedColumns } from '../experiment/ope/sample.ts';
import { exp } from '../stats/math.ts';
import { stream } from '../stats/random.ts';

/** A log whose truth is known: rewards yes or no, contexts of one kind in four, both policies by context. */
export interface Synthetic extends LoggedColumns {
  readonly arm: Int32Array;
  readonly context: Int32Array;
  readonly arms: number;
  /** By context and arm. */
  readonly pi: readonly (readonly number[])[];
  readonly mu: readonly (readonly number[])[];
  /** The candidate's value. */
  readonly truth: number;
}

const softmax = (scores: readonly number[]): number[] => {
  const raised = scores.map((score) => exp(score));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((value) => value / sum);
};

/** A seeded one. @param apart - how far the candidate is from the log's policy; 0: the same */
export function synthetic(n: number, seed: number, apart = 1, arms = 5): Synthetic {
  const world = stream(7, 7);
  const contexts = 4;
  const table = (f: () => number): number[][] =>
    Array.from({ length: contexts }, () => Array.from({ length: arms }, f));
  const taste = table(() => world.normal());
  const mu = table(() => 0.1 + 0.6 * world.next());
  const logged = taste.map((row) => softmax(row.map((s) => 0.7 * s)));
  const pi = taste.map((row, c) => softmax(row.map((s, a) => 0.7 * s + apart * 3 * (mu[c][a] - 0.4))));
  const draws = stream(seed, 99);
  const out = {
    reward: new Float64Array(n),
    propensity: new Float64Array(n),
    candidate: new Float64Array(n),
    arm: new Int32Array(n),
    context: new Int32Array(n),
  };
  for (let i = 0; i < n; i++) {
    const c = draws.integer(contexts);
    let u = draws.next();
    let a = 0;
    while (a < arms - 1 && u >= logged[c][a]) u -= logged[c][a++];
    out.context[i] = c;
    out.arm[i] = a;
    out.propensity[i] = logged[c][a];
    out.candidate[i] = pi[c][a];
    out.reward[i] = draws.next() < mu[c][a] ? 1 : 0;
  }
  const truth = pi.reduce((sum, row, c) => sum + row.reduce((s, p, a) => s + p * mu[c][a], 0) / contexts, 0);
  return { ...out, arms, pi, mu, truth };
}

/** The published formulas, written again as plainly as they read, a row and an arm at a time. */
export interface PlainLog {
  readonly r: readonly number[];
  readonly p: readonly number[];
  readonly a: readonly number[];
  /** π(a|xᵢ), every arm. */
  readonly pi: readonly (readonly number[])[];
  /** q̂(xᵢ, a), every arm. */
  readonly q: readonly (readonly number[])[];
}

const mean = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0) / values.length;

/** An estimate by the book. @param parameter - τ or λ */
export function plainEstimate(name: EstimatorName, log: PlainLog, parameter: number): number {
  const w = log.r.map((_, i) => log.pi[i][log.a[i]] / log.p[i]);
  const dm = log.r.map((_, i) => log.pi[i].reduce((sum, p, a) => sum + p * log.q[i][a], 0));
  const residual = log.r.map((r, i) => r - log.q[i][log.a[i]]);
  switch (name) {
    case 'ips':
      return mean(log.r.map((r, i) => w[i] * r));
    case 'snips':
      return mean(log.r.map((r, i) => w[i] * r)) / mean(w);
    case 'dm':
      return mean(dm);
    case 'dr':
      return mean(dm.map((d, i) => d + w[i] * residual[i]));
    case 'sndr':
      return mean(dm.map((d, i) => d + (w[i] / mean(w)) * residual[i]));
    case 'switch-dr':
      return mean(dm.map((d, i) => d + (w[i] <= parameter ? w[i] : 0) * residual[i]));
    case 'dros':
      return mean(dm.map((d, i) => d + ((parameter * w[i]) / (w[i] * w[i] + parameter)) * residual[i]));
  }
}
