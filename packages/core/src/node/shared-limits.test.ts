import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { me as by, byHand, congruential, handNode } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/index.ts';

describe.each(['domain', 'tree'])('a limit by %s', (scope) => {
  test('is one for all its points after a restart as before, also when one of them is declared anew', async () => {
    const disk = memoryDisk();
    const hand = byHand({ chance: congruential(7) });
    const start = () => handNode({ hand, disk });
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
    hand.ms += 6000;
    before.tick();
    await before.close();

    const after = await start();
    expect(acted(after, 30)).toBe(6);
    await after.apply({ ...spec('p'), description: 'another version' }, by);
    expect(acted(after, 30)).toBe(0);
  });
});

test('what a decision cost that no guard was asked about is counted, and gives nothing back of what others were charged', async () => {
  const node = await handNode({ chance: { uint32: () => 7 } });
  await node.apply(
    {
      point: 'p',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'thompson' },
      context: { load: { type: 'number' } },
      guards: [{ kind: 'limit', of: 'cost', max: 100, per: '1h', cost: 10 }],
    },
    by,
  );
  const served = (context: object, tries: number) =>
    Array.from({ length: tries }, () => node.decide('p', { context: context as never })).filter(
      ({ arm }) => arm !== null,
    );
  expect(served({ load: 1 }, 20)).toHaveLength(10);
  // A context that does not fit gets the fallback, whatever the limit says; and so would a caller who knows of it.
  const unasked = served({ load: 'much' }, 10);
  expect(unasked.map(({ reason }) => reason)).toEqual(new Array(10).fill('invalid_context'));
  await node.feedback(unasked.map(({ id }) => ({ id, reward: 1, metrics: { cost: 2 } })));
  expect(served({ load: 1 }, 20)).toHaveLength(0);
});
