import { describe, expect, test } from 'vitest';
import { moments } from '../learners/moments.ts';
import { parseDuration } from '../options.ts';
import { BOOT_MS, handNode, me } from '../testing/hand-node.ts';
import { spokenChild } from '../testing/spoken-child.ts';
import { openingDigits } from './origins.ts';

const NOW = BOOT_MS;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A root with a point whose outcomes fade within minutes, and a child that sends it one slot. */
async function hear(
  origin: string,
  learnedAtMs: number,
  { halfLife = '1m', weight = 1, heaviest }: { halfLife?: string; weight?: number; heaviest?: number } = {},
): Promise<Record<string, number>> {
  const node = await handNode();
  await node.apply(
    {
      point: 'p',
      arms: ['a'],
      fallback: 'a',
      policy: { kind: 'thompson', reward: 'gaussian', halfLife },
      objective: { reward: 1, range: [0, 1] },
    },
    me,
  );
  const [key] = node.state.learners.keys();
  const evidence = moments({ range: [0, 1], halfLifeMs: parseDuration(halfLife, '') });
  const own = evidence.zero();
  evidence.record(own, 'a#0', 1, weight, learnedAtMs);
  const slot = { key, origin, version: 1, onlyVia: '', bytes: evidence.encode(own) };
  spokenChild(node, 'dev').say({ slots: [heaviest === undefined ? slot : { ...slot, heaviest }] });
  return { ...node.nodes()[0].refused, held: node.state.learners.get(key)!.slots.slots.size };
}

describe('evidence from the future is refused, and counted', () => {
  test('that of now is taken', async () => expect(await hear('dev~x1', NOW)).toEqual({ held: 1 }));

  test('where it would outweigh all that anybody has seen', async () =>
    expect(await hear('dev~x1', NOW + HOUR)).toMatchObject({ evidence_from_future: 1, held: 0 }));

  test('beyond a minute, be it ever so little that it would outweigh', async () => {
    expect(await hear('dev~x1', NOW + 50_000)).toEqual({ held: 1 });
    for (const ahead of [2, 5, 10, 19])
      expect(await hear('dev~x1', NOW + ahead * 60_000)).toMatchObject({ evidence_from_future: 1, held: 0 });
  });

  test('or an eighth of the half-life, where that is more: that much does no harm', async () => {
    expect(await hear('dev~x1', NOW + 2 * HOUR, { halfLife: '1d' })).toEqual({ held: 1 });
    expect(await hear('dev~x1', NOW + 4 * HOUR, { halfLife: '1d' })).toMatchObject({ held: 0 });
  });

  test('but not that of a node that had to thin its decisions, and says by how much', async () => {
    expect(await hear('dev~x1', NOW, { weight: 64, heaviest: 64 })).toEqual({ held: 1 });
    expect(await hear('dev~x1', NOW, { weight: 64 })).toMatchObject({ evidence_from_future: 1, held: 0 });
    expect(await hear('dev~x1', NOW, { weight: 2 ** 24, heaviest: 2 ** 24 })).toMatchObject({ held: 0 });
  });

  test('and so is a process that says it will be opened the day after tomorrow', async () => {
    const opened = (ms: number): string => `dev~${openingDigits(ms)}00000000000000`;
    expect(await hear(opened(NOW + 2 * DAY), NOW)).toMatchObject({ origin_from_future: 1, held: 0 });
    expect(await hear(opened(NOW + HOUR), NOW)).toEqual({ held: 1 });
  });
});
