import { B, type Linear, linear, OUTCOMES, WW, WYY } from '../learners/linear.ts';
import { exp2, sqrt } from '../stats/math.ts';
import type { Stream } from '../stats/random.ts';
import { packedLength } from '../stats/symmetric.ts';
import type { EvidenceSubject } from './evidence-laws.ts';
import { near } from './law.ts';

/** Linear statistics as a subject of the laws: outcomes of up to three arms over some half-lives, now and then none. */
export function linearSubject(
  dimension: number,
  halfLifeMs: number | undefined,
  range: readonly [number, number],
): EvidenceSubject<Linear> {
  const bounds = Float64Array.from({ length: dimension }, (_, i) => (i === 0 ? 1 : 2));
  const evidence = linear({ dimension, bounds, halfLifeMs, range });
  return {
    evidence,
    arbitrary(random: Stream) {
      const own = evidence.zero();
      const startMs = 1e12 + random.integer(1e6);
      const spanMs = (halfLifeMs ?? 1000) * (random.integer(4) === 0 ? 80 : 5);
      // Now and then a design of one direction only.
      const flat = random.integer(4) === 0;
      for (let n = random.integer(4) === 0 ? 0 : random.integer(40); n > 0; n--) {
        const all = 4 * random.next() - 2;
        const x = bounds.map((_, i) => (i === 0 ? 1 : flat ? all : 4 * random.next() - 2));
        const reward = range[0] + (range[1] - range[0]) * random.next();
        const weight = random.integer(3) === 0 ? 1 << random.integer(6) : 1;
        evidence.record(
          own,
          `arm-${random.integer(3)}#0`,
          x,
          reward,
          weight,
          startMs + random.next() * spanMs,
        );
      }
      return own;
    },
    differ: (a, b) => linearDifference(a, b, halfLifeMs),
  };
}

/** Where two differ by more than 1e-9 of what they weigh, as if under one landmark; '' where they do not. */
export function linearDifference(a: Linear, b: Linear, halfLifeMs: number | undefined): string {
  const latest = Math.max(a.landmarkMs, b.landmarkMs);
  const known = [...a.arms.values(), ...b.arms.values()];
  if (known.length === 0) return '';
  const { length } = known[0];
  const dimension = dimensionOf(length);
  const gram = B + dimension;
  for (const key of new Set([...a.arms.keys(), ...b.arms.keys()])) {
    const p = rowAt(a, key, latest, halfLifeMs, length);
    const q = rowAt(b, key, latest, halfLifeMs, length);
    const apart = (i: number, size: number): boolean =>
      !near(p[i], q[i], 1e-9) && Math.abs(p[i] - q[i]) > 1e-9 * size + FORGOTTEN;
    for (const i of [OUTCOMES, WW, WYY, gram]) if (apart(i, 0)) return `${key}[${i}]: ${p[i]} is not ${q[i]}`;
    // Sums of products may cancel: their size is what Cauchy and Schwarz allow them.
    const diagonal = (i: number): number => p[gram + packedLength(i) + i];
    for (let i = 0; i < dimension; i++) {
      if (apart(B + i, sqrt(diagonal(i) * p[WYY]))) return `${key} b[${i}]: ${p[B + i]} is not ${q[B + i]}`;
      for (let j = 0; j <= i; j++) {
        const at = gram + packedLength(i) + j;
        if (apart(at, sqrt(diagonal(i) * diagonal(j))))
          return `${key} A[${i}, ${j}]: ${p[at]} is not ${q[at]}`;
      }
    }
  }
  return '';
}

function dimensionOf(length: number): number {
  let dimension = 1;
  while (B + dimension + packedLength(dimension) < length) dimension++;
  return dimension;
}

function rowAt(
  evidence: Linear,
  key: string,
  landmarkMs: number,
  halfLifeMs: number | undefined,
  length: number,
): number[] {
  const row = evidence.arms.get(key) ?? new Float64Array(length);
  const fade = halfLifeMs === undefined ? 1 : exp2((evidence.landmarkMs - landmarkMs) / halfLifeMs);
  return Array.from(row, (value, i) =>
    i === OUTCOMES ? value : i === WW ? value * fade * fade : value * fade,
  );
}

/** Weights as small as this are dropped, sooner or later. */
const FORGOTTEN = 1e-50;
