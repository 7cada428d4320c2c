import { type Moments, moments, OUTCOMES, ROW, W, WW, WX, WXX } from '../learners/moments.ts';
import { exp2, sqrt } from '../stats/math.ts';
import type { Stream } from '../stats/random.ts';
import type { EvidenceSubject } from './evidence-laws.ts';
import { near } from './law.ts';

/** Moments as a subject of the laws: outcomes of up to five arms over some half-lives, now and then none. */
export function momentsSubject(
  halfLifeMs: number | undefined,
  range: readonly [number, number],
): EvidenceSubject<Moments> {
  const evidence = moments({ halfLifeMs, range });
  return {
    evidence,
    arbitrary(random: Stream) {
      const own = evidence.zero();
      const startMs = 1e12 + random.integer(1e6);
      const spanMs = (halfLifeMs ?? 1000) * (random.integer(4) === 0 ? 80 : 5);
      for (let n = random.integer(4) === 0 ? 0 : random.integer(60); n > 0; n--) {
        const x = range[0] + (range[1] - range[0]) * random.next();
        const weight = random.integer(3) === 0 ? 1 << random.integer(6) : 1;
        evidence.record(own, `arm-${random.integer(5)}#0`, x, weight, startMs + random.next() * spanMs);
      }
      return own;
    },
    differ: (a, b) => momentsDifference(a, b, halfLifeMs),
  };
}

/**
 * Where two differ by more than 1e-9 of what they weigh, as if under one landmark; '' where they do not. Moments of a sum
 * are compared by the size of its terms, whose moments are `terms`: they may cancel.
 */
export function momentsDifference(
  a: Moments,
  b: Moments,
  halfLifeMs: number | undefined,
  terms: readonly Moments[] = [a],
): string {
  const latest = Math.max(a.landmarkMs, b.landmarkMs);
  for (const key of new Set([...a.arms.keys(), ...b.arms.keys()])) {
    const p = rowAt(a, key, latest, halfLifeMs);
    const q = rowAt(b, key, latest, halfLifeMs);
    for (const i of [OUTCOMES, W, WW])
      if (!near(p[i], q[i], 1e-9) && Math.abs(p[i] - q[i]) > FORGOTTEN)
        return `${key}[${i}]: ${p[i]} is not ${q[i]}`;
    const squares = terms.reduce((sum, term) => sum + rowAt(term, key, latest, halfLifeMs)[WXX], 0);
    if (Math.abs(p[WXX] - q[WXX]) > 1e-9 * Math.max(squares, q[WXX]) + FORGOTTEN)
      return `${key}[Σwx²]: ${p[WXX]} is not ${q[WXX]}`;
    // Σw(x − c) may cancel: its size is that of √(Σw Σw(x − c)²).
    if (Math.abs(p[WX] - q[WX]) > 1e-9 * sqrt(p[W] * squares) + FORGOTTEN)
      return `${key}[Σwx]: ${p[WX]} is not ${q[WX]}`;
  }
  return '';
}

function rowAt(evidence: Moments, key: string, landmarkMs: number, halfLifeMs: number | undefined): number[] {
  const row = evidence.arms.get(key) ?? new Float64Array(ROW);
  const fade = halfLifeMs === undefined ? 1 : exp2((evidence.landmarkMs - landmarkMs) / halfLifeMs);
  return Array.from(row, (value, i) =>
    i === OUTCOMES ? value : i === WW ? value * fade * fade : value * fade,
  );
}

/** Weights as small as this are dropped, sooner or later. */
const FORGOTTEN = 1e-50;
