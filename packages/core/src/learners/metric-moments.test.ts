import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stream } from '../stats/random.ts';
import { metricsSubject, RANGES } from '../testing/metrics-subject.ts';
import { momentsDifference } from '../testing/moments-subject.ts';
import { metricMoments } from './metric-moments.ts';
import { moments } from './moments.ts';

describe('moments of metrics', () => {
  test('read under any weights, they are the moments that the weighted sum would have left', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), (seed) => {
        const random = stream(seed);
        const weights = RANGES.map(() => 4 * random.next() - 2);
        const reach = RANGES.reduce(
          (sum, [low, high], i) => sum + Math.abs(weights[i]) * Math.max(-low, high),
          0,
        );
        const direct = moments({ range: [-reach, reach], halfLifeMs: 60_000 });
        const kept = metricMoments(RANGES, 60_000);
        const [own, expected] = [kept.zero(), direct.zero()];
        for (let n = 0; n < 40; n++) {
          const values = RANGES.map(([low, high]) => low + (high - low) * random.next());
          const reward = values.reduce((sum, value, i) => sum + weights[i] * value, 0);
          const [key, weight] = [`arm-${random.integer(3)}#0`, 1 << random.integer(4)];
          const atMs = 1e12 + random.next() * 300_000;
          kept.record(own, key, values, weight, atMs);
          direct.record(expected, key, reward, weight, atMs);
        }
        expect(momentsDifference(kept.read(own, weights, direct.centre), expected, 60_000)).toBe('');
      }),
      { numRuns: 100 },
    );
  });

  test('two that vary together more than each alone are refused', () => {
    const { evidence } = metricsSubject(undefined);
    const own = evidence.zero();
    own.arms.set('a#0', Float64Array.of(1, 1, 1, 0, 0, 0, 0.01, 5, 0, 0.01, 0, 0));
    expect(evidence.validate(own, { arms: 9 } as never)?.message).toContain('vary together');
  });
});
