import { expect, test } from 'vitest';
import { byHand, congruential, handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

test('what a policy noted outlives the process: feedback after a restart votes as before it', async () => {
  const disk = memoryDisk();
  const hand = byHand({ chance: congruential(7) });
  const open = () => handNode({ hand, disk });
  const first = await open();
  const members = ['a', 'b'].map((arm) => ({ kind: 'fixed', name: `always-${arm}`, arm }));
  const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'ensemble', members } };
  await first.apply(spec, me);
  const { id, arm } = first.decide('p');
  await first.close();
  hand.ms += 1000;
  const second = await open();
  const [told] = await second.feedback([{ id, reward: 1 }]);
  expect(told.status).toBe('joined');
  await second.apply({ ...spec, description: 'a new view' }, me);
  const seen = second.report('p').members ?? [];
  expect(seen.map(({ mean }) => mean)).toEqual(members.map((member) => (member.arm === arm ? 1 : null)));
  await second.close();
});
