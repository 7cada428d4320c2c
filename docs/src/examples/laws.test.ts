import { type FactoryInput, resolveKind } from '@ganglion/core';
import { type GuardLaw, guardLaws, type Law, policyLaws, stream } from '@ganglion/core/testing';
import { embedNode } from '@ganglion/sdk';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { registry } from './registry.ts';

/** A row a member: all that a new policy or guard needs to be held to the laws of its family. */
const policies = [{ kind: 'matching' }, { kind: 'matching', sensitivity: 4, halfLife: '1m' }];
const guards = [{ kind: 'cooldown' }, { kind: 'cooldown', for: '10ms' }];

const held = (law: Law | GuardLaw): void =>
  it(law.law, () =>
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), (seed) => law.run(stream(seed))),
      { numRuns: 30 },
    ),
  );

describe.each(policies)('policy %j', (row) => {
  const make = (point: FactoryInput) => resolveKind(registry.policies, row.kind, 'policy')(row, point);
  policyLaws({ make }).forEach(held);
});

describe.each(guards)('guard %j', (row) => {
  const make = (point: FactoryInput) => resolveKind(registry.guards, row.kind, 'guards[0]')(row, point);
  guardLaws(make).forEach(held);
});

test('both work in a node that was given the registry: it learns, and a failing arm rests', async () => {
  const node = await embedNode({
    name: 'own',
    registry,
    points: [
      {
        point: 'route',
        arms: ['a', 'b'],
        fallback: 'a',
        policy: { kind: 'matching', sensitivity: 10 },
        objective: { success: 1, range: [0, 1] },
        guards: [{ kind: 'cooldown', for: '1m' }],
      },
    ],
  });
  try {
    const share = { a: 0, b: 0 };
    for (let i = 0; i < 400; i++) {
      const { id, arm } = node.decide('route');
      share[arm as 'a' | 'b']++;
      // Half good is worth less than good; nothing fails yet.
      await node.feedback([{ id, metrics: { success: arm === 'b' ? 1 : 0.6 } }]);
      if (i % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
    }
    expect(share.b).toBeGreaterThan(share.a * 2);
    let failed = node.decide('route');
    while (failed.arm !== 'b') failed = node.decide('route');
    await node.feedback([{ id: failed.id, metrics: { success: 0 } }]);
    const after = node.decide('route');
    expect(after).toMatchObject({ arm: 'a', propensity: 1 });
    expect(after.trail).toContainEqual(
      expect.objectContaining({ guard: 'cooldown', why: 'resting after a failure: b' }),
    );
  } finally {
    await node.close();
  }
});

test('bad options are refused with field and mend when the point is declared', async () => {
  const node = await embedNode({ name: 'own', registry });
  const by = { name: 'tester', authority: 'own' };
  const point = {
    point: 'route',
    arms: ['a', 'b'],
    fallback: 'a',
    policy: { kind: 'matching', sensitvity: 1 },
  };
  await expect(node.apply(point, by)).rejects.toMatchObject({
    code: 'invalid_spec',
    field: 'policy.sensitvity',
    mend: expect.stringContaining('sensitivity'),
  });
  await node.close();
});
