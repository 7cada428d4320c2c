import { expect, test } from 'vitest';
import { standard } from '../presets/standard.ts';
import type { Registry } from '../registry.ts';
import { fakeSeals } from '../testing/fake-seals.ts';
import { byHand, congruential, handNode, join, me, settle } from '../testing/hand-node.ts';

const { thompson, ...few } = standard.policies;
const newer: Registry = { ...standard, policies: { ...standard.policies, novel: thompson } };
const older: Registry = { ...standard, policies: few };

test('a point of a kind that a child does not know is refused there for that reason', async () => {
  const hand = byHand({ chance: congruential() });
  const root = await handNode({ hand, registry: newer, seals: fakeSeals });
  const child = await handNode({ name: 'edge', hand, registry: older, seals: fakeSeals });
  join(root, child);
  await root.apply({ point: 'z', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'novel' } }, me);
  await settle([root, child], 3000);
  expect(root.decide('z').arm).toBeTruthy();
  const why = 'policy.kind is not known here: "novel"';
  for (const ask of [() => child.decide('z'), () => child.report('z')])
    expect(ask).toThrow(
      expect.objectContaining({
        code: 'unknown_point',
        message: `z is declared, but this node cannot run it: ${why}`,
        mend: expect.not.stringContaining('PUT'),
      }),
    );
  expect(child.nodes()[0].problems.join()).toContain(why);
  expect(() => child.decide('y')).toThrow('there is no point y');
  await root.close();
  await child.close();
});
