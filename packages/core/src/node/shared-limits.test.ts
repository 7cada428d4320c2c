import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { createNode, type HostedNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { memoryDisk } from '../testing/index.ts';

const by = { name: 'me', authority: '*' };

describe.each(['domain', 'tree'])('a limit by %s', (scope) => {
  test('is one for all its points after a restart as before, also when one of them is declared anew', async () => {
    const disk = memoryDisk();
    let ms = 1000;
    let word = 7;
    const start = () =>
      createNode({
        name: 'hq',
        tier: 'cloud',
        root: true,
        registry: standard,
        ports: {
          clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
          chance: { uint32: () => (word = (word * 1664525 + 1013904223) >>> 0) },
          storage: disk.open(),
        },
      });
    const spec = (point: string): PointSpec => ({
      point,
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'thompson' },
      oversight: { lease: 'none' },
      guards: [{ kind: 'limit', of: 'actions', max: 10, per: '1h', scope }],
    });
    const acted = (node: HostedNode, tries: number): number =>
      Array.from({ length: tries }, (_, i) => node.decide(i % 2 === 0 ? 'p' : 'q')).filter(
        ({ reason }) => reason !== 'blocked',
      ).length;

    const before = await start();
    for (const point of ['p', 'q']) await before.apply(spec(point), by);
    expect(acted(before, 4)).toBe(4);
    // Guards go to the disk every five seconds.
    ms += 6000;
    before.tick();
    await before.close();

    const after = await start();
    expect(acted(after, 30)).toBe(6);
    await after.apply({ ...spec('p'), description: 'another version' }, by);
    expect(acted(after, 30)).toBe(0);
  });
});
