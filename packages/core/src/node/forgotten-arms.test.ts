import { expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { handNode, me } from '../testing/hand-node.ts';

/** So many states that evidence has room for few arms. */
const point = (arms: readonly string[]): PointSpec => ({
  point: 'walk',
  arms: [...arms],
  fallback: arms[0],
  context: { place: { type: 'number', min: 0, max: 100 } },
  policy: { kind: 'q-learning', state: [{ field: 'place', bins: 100 }], gamma: 0.5 },
  objective: { success: 1 },
  attribution: { window: '10m', correction: '1d' },
});

test('a correction for an arm that has made room is counted and teaches nothing', async () => {
  const node = await handNode();
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) {
    node.hand.ms += 1000;
    await node.apply(point([`arm-${i}`]), me);
    for (let n = 0; n < 2; n++) {
      const { id } = node.decide('walk', { unit: `u${i}-${n}`, context: { place: 5 } });
      if (i > 0 || n === 0) await node.feedback([{ id, metrics: { success: 1 } }]);
      ids.push(id);
    }
  }
  const learned = () => node.report('walk').pooled.ownOutcomes;
  const before = learned();
  await node.feedback([{ id: ids[0], metrics: { success: 0 }, revision: 1 }]);
  expect(node.nodes()[0].refused.correction_of_forgotten_arm).toBe(1);
  expect(learned()).toBe(before);
  await node.feedback([{ id: ids.at(-1)!, metrics: { success: 0 }, revision: 1 }]);
  expect(node.nodes()[0].refused.correction_of_forgotten_arm).toBe(1);
  expect(learned()).toBe(before);
});
