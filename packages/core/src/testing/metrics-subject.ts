import type { Decayed } from '../learners/decayed.ts';
import { metricMoments } from '../learners/metric-moments.ts';
import type { Moments } from '../learners/moments.ts';
import type { Stream } from '../stats/random.ts';
import type { EvidenceSubject } from './evidence-laws.ts';
import { momentsDifference } from './moments-subject.ts';

/** Ranges of three metrics of very different size. */
export const RANGES = [
  [0, 1],
  [0, 5000],
  [-3, 1],
] as const;

/** Moments of metrics as a subject of the laws: outcomes of up to four arms over some half-lives, now and then none. */
export function metricsSubject(
  halfLifeMs: number | undefined,
  ranges: readonly (readonly [number, number])[] = RANGES,
): EvidenceSubject<Decayed> {
  const evidence = metricMoments(ranges, halfLifeMs);
  return {
    evidence,
    arbitrary(random: Stream) {
      const own = evidence.zero();
      const spanMs = (halfLifeMs ?? 1000) * (random.integer(4) === 0 ? 80 : 5);
      for (let n = random.integer(4) === 0 ? 0 : random.integer(40); n > 0; n--) {
        const values = ranges.map(([low, high]) => low + (high - low) * random.next());
        const weight = random.integer(3) === 0 ? 1 << random.integer(6) : 1;
        evidence.record(own, `arm-${random.integer(4)}#0`, values, weight, 1e12 + random.next() * spanMs);
      }
      return own;
    },
    differ: (a, b) => metricsDifference(ranges, a, b, halfLifeMs),
  };
}

/** Where two differ: by what is read from them under weights that tell every sum from the others; '' where they do not. */
export function metricsDifference(
  ranges: readonly (readonly [number, number])[],
  a: Decayed,
  b: Decayed,
  halfLifeMs: number | undefined,
): string {
  const evidence = metricMoments(ranges, halfLifeMs);
  const centre = (weights: readonly number[]) =>
    ranges.reduce((sum, [low, high], i) => sum + (weights[i] * (low + high)) / 2, 0);
  const scale = ranges.map(([low, high]) => 1 / (high - low));
  const read = (of: Decayed, ...metrics: number[]): Moments => {
    const weights = scale.map((each, k) => (metrics.includes(k) ? each : 0));
    return evidence.read(of, weights, centre(weights));
  };
  const alone = ranges.map((_, i) => read(a, i));
  for (let i = 0; i < ranges.length; i++)
    for (let j = i; j < ranges.length; j++) {
      const found = momentsDifference(read(a, i, j), read(b, i, j), halfLifeMs, [alone[i], alone[j]]);
      if (found !== '') return `metrics ${i} and ${j}: ${found}`;
    }
  return '';
}
