import { describe, expect, test } from 'vitest';
import type { PointSpec, SlateSpec } from '../decision/spec.ts';
import { stream } from '../stats/random.ts';
import { me as by, congruential, handNode } from '../testing/hand-node.ts';

const GENRES = ['news', 'news', 'news', 'sport', 'sport', 'film'];
const spec = (slate: SlateSpec, more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'shelf',
  arms: GENRES.map((genre, i) => ({ id: `i${i}`, features: { genre } })),
  fallback: 'i5',
  policy: { kind: 'thompson' },
  slate,
  ...more,
});

async function start(declared: PointSpec) {
  const node = await handNode({ chance: congruential(7) });
  await node.apply(declared, by);
  return node;
}
const armsOf = (items: readonly { readonly arm: string | null }[]) => items.map(({ arm }) => arm);

describe('a slate', () => {
  test('has k arms, none of them twice, each a decision with the propensity it was drawn with', async () => {
    const node = await start(spec({ positions: 4 }, { policy: { kind: 'split' } }));
    for (let i = 0; i < 50; i++) {
      const { id, items } = node.rank('shelf', 4, { unit: `u${i}` });
      expect(new Set(armsOf(items)).size).toBe(4);
      expect(id).toBe(items[0].id);
      // An even split over what is left: 1/6, 1/5, 1/4, 1/3.
      expect(items.map(({ propensity }) => propensity)).toEqual(
        [6, 5, 4, 3].map((left) => expect.closeTo(1 / left, 12)),
      );
    }
  });

  test('is assigned as one, also where nobody says for whom it is', async () => {
    const node = await start(
      spec(
        { positions: 3 },
        { guards: [{ kind: 'holdout', share: 0.3 }], baseline: { kind: 'round-robin' } },
      ),
    );
    const n = 2000;
    let held = 0;
    for (let i = 0; i < n; i++) {
      const strata = node.rank('shelf', 3).items.map(({ stratum }) => stratum);
      expect(new Set(strata).size).toBe(1);
      if (strata[0] === 'holdout') held++;
    }
    expect(Math.abs(held - 0.3 * n)).toBeLessThan(4 * Math.sqrt(0.21 * n));
  });

  test('draws as often as its propensities say: every ordered pair of an even split alike', async () => {
    const node = await start(spec({ positions: 2 }, { policy: { kind: 'split' } }));
    const counts = new Map<string, number>();
    const n = 6000;
    for (let i = 0; i < n; i++) {
      const pair = armsOf(node.rank('shelf', 2).items).join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    expect(counts.size).toBe(30);
    // χ² of 29 degrees of freedom: its 0.9999 quantile is 65.
    const chi = [...counts.values()].reduce((sum, count) => sum + (count - n / 30) ** 2 / (n / 30), 0);
    expect(chi).toBeLessThan(65);
  });

  test('of a stopped point is its fallback alone; a pinned arm is the first; killed arms are in none', async () => {
    const node = await start(spec({ positions: 6 }));
    await node.kill({ scope: 'artifact:i1', reason: 'gone', by });
    expect(armsOf(node.rank('shelf', 6).items)).toHaveLength(5);
    await node.override({ point: 'shelf', arm: 'i3', segment: {}, reason: 'pin', by });
    const { items } = node.rank('shelf', 3);
    expect(items[0]).toMatchObject({ arm: 'i3', reason: 'override' });
    expect(new Set(armsOf(items)).size).toBe(3);
    await node.kill({ scope: 'point:shelf', reason: 'stop', by });
    expect(node.rank('shelf', 3).items).toMatchObject([{ arm: 'i5', reason: 'killed' }]);
    expect(node.report('shelf').arms.reduce((sum, { inflight }) => sum + inflight, 0)).toBe(5 + 3 + 1);
  });

  test('k beyond the positions, and points that do not rank, are refused', async () => {
    const node = await start(spec({ positions: 2 }));
    expect(() => node.rank('shelf', 3)).toThrow(
      expect.objectContaining({ field: 'k', value: '3', mend: expect.stringContaining('2 at most') }),
    );
    const { slate: _, ...plain } = spec({ positions: 2 });
    await node.apply(plain, by);
    expect(() => node.rank('shelf', 1)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });
});

describe('position bias', () => {
  const worth = [0.3, 0.25, 0.6, 0.1, 0.05, 0.15];
  const looks = [1, 0.5, 0.2];

  async function live(slate: SlateSpec) {
    const node = await start(spec(slate));
    const random = stream(17);
    let late = 0;
    for (let i = 0; i < 3000; i++) {
      node.hand.ms += 10;
      const { items } = node.rank('shelf', 3, { unit: `u${i}` });
      await node.feedback(
        items.map(({ id, arm }, j) => ({
          id,
          reward: random.next() < looks[j] * worth[Number(arm?.slice(1))] ? 1 : 0,
        })),
      );
      if (i >= 2500 && items[0].arm === 'i2') late++;
    }
    return { report: node.report('shelf'), late: late / 500 };
  }

  test('is learned: examination from clicks alone, and each arm’s worth to those who look', async () => {
    const { report, late } = await live({ positions: 3 });
    expect(late).toBeGreaterThan(0.9);
    const [first, second, third] = report.slate?.examination ?? [];
    expect(first).toBe(1);
    expect(report.slate?.givenExamination).toBe('learned');
    expect(Math.abs(second - 0.5)).toBeLessThan(0.12);
    expect(Math.abs(third - 0.2)).toBeLessThan(0.08);
    // i0 was mostly second: its rate of clicks is half its worth.
    expect(Math.abs((report.arms[0].reward.mean ?? 0) - 0.3)).toBeLessThan(0.08);
  });

  test('declared, an arm that mostly stood below is worth what those who look make of it', async () => {
    const { report } = await live({ positions: 3, examination: looks });
    expect(report.slate?.givenExamination).toBe('declared');
    expect(Math.abs((report.arms[0].reward.mean ?? 0) - 0.3)).toBeLessThan(0.06);
  });

  test('ignored, what stood below looks worse than it is', async () => {
    const { report } = await live({ positions: 3, examination: [1, 1, 1] });
    expect(report.arms[0].reward.high).toBeLessThan(0.3);
  });
});

describe('diversity', () => {
  test('MMR: alike arms follow each other less, by e^strength, and the propensity is that of the step', async () => {
    const mmr = { kind: 'mmr', strength: Math.log(4) } as const;
    const node = await start(spec({ positions: 2, diversity: mmr }, { policy: { kind: 'split' } }));
    for (let i = 0; i < 40; i++) {
      const [top, next] = node.rank('shelf', 2).items;
      const genreOf = (arm: string | null) => GENRES[Number(arm?.slice(1))];
      const alike = GENRES.filter((genre) => genre === genreOf(top.arm)).length - 1;
      const total = alike / 4 + (5 - alike);
      expect(next.propensity).toBeCloseTo((genreOf(next.arm) === genreOf(top.arm) ? 0.25 : 1) / total, 12);
    }
  });

  test('calibrated: lists come near the target shares', async () => {
    const target = { news: 0.5, sport: 0.5 };
    const diversity = { kind: 'calibrated', feature: 'genre', target, strength: 50 } as const;
    const node = await start(spec({ positions: 4, diversity }, { policy: { kind: 'split' } }));
    for (let i = 0; i < 30; i++) {
      const [top, ...rest] = node.rank('shelf', 4).items.map(({ arm }) => GENRES[Number(arm?.slice(1))]);
      const genres = [top, ...rest];
      if (top === 'film') continue;
      expect(genres.filter((each) => each === 'news')).toHaveLength(2);
      expect(genres.filter((each) => each === 'sport')).toHaveLength(2);
    }
  });

  test('its cost in expected reward is told: κ Σ (before − after) · mean', async () => {
    const mmr = { kind: 'mmr', strength: 50 } as const;
    const slate = { positions: 2, examination: [1, 0.5], diversity: mmr };
    const node = await start(spec(slate, { policy: { kind: 'split' } }));
    expect(node.rank('shelf', 2).diversityCost).toBeNull();
    await node.apply(spec(slate, { policy: { kind: 'epsilon-greedy', epsilon: 0 } }), by);
    const prior = Object.fromEntries(
      [0.9, 0.8, 0.1, 0.4, 0.1, 0.1].map((mean, i) => [`i${i}`, { mean, n: 1e6 }]),
    );
    await node.apply(spec(slate, { policy: { kind: 'epsilon-greedy', epsilon: 0.1, prior } }), by);
    node.hand.ms += 5000;
    // First i0 (0.9). Then 0.92 of i1 (0.8) and 0.02 of four more would go to news; what is left of them is even.
    const { items, diversityCost } = node.rank('shelf', 2);
    if (items[0].arm === 'i0') {
      const before = 0.92 * 0.8 + 0.02 * (0.1 + 0.4 + 0.1 + 0.1);
      expect(diversityCost).toBeCloseTo(0.5 * (before - (0.4 + 0.1 + 0.1) / 3), 3);
    }
    expect(node.report('shelf').slate?.diversityCost).toBeCloseTo(diversityCost ?? Number.NaN, 12);
  });
});

test.each([
  ['more positions than arms', { positions: 7 }, 'slate.positions'],
  ['a first position that is not looked at', { positions: 2, examination: [0.9, 0.5] }, 'slate.examination'],
  ['a word nobody knows', { positions: 2, size: 3 }, 'slate.size'],
  [
    'a group that no arm has',
    { positions: 2, diversity: { kind: 'calibrated', feature: 'genre', target: { opera: 1 } } },
    'slate.diversity.target.opera',
  ],
])('%s is refused by name', async (_, slate, field) => {
  await expect(start(spec(slate as never))).rejects.toMatchObject({ field });
});

test('policies that do not learn means by arm do not rank', async () => {
  const context = { x: { type: 'number', min: 0, max: 1 } } as const;
  const declared = spec({ positions: 2 }, { context, policy: { kind: 'linear-thompson' } });
  await expect(start(declared)).rejects.toMatchObject({ field: 'policy.kind' });
});
