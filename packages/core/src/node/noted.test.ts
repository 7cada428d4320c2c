import { expect, test } from 'vitest';
import { createNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const by = { name: 'me', authority: '*' };

test('what a policy noted outlives the process: feedback after a restart votes as before it', async () => {
  const disk = memoryDisk();
  let word = 7;
  let ms = 1000;
  const open = () =>
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
  const first = await open();
  const members = ['a', 'b'].map((arm) => ({ kind: 'fixed', name: `always-${arm}`, arm }));
  const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'ensemble', members } };
  await first.apply(spec, by);
  const { id, arm } = first.decide('p');
  await first.close();
  ms += 1000;
  const second = await open();
  const [told] = await second.feedback([{ id, reward: 1 }]);
  expect(told.status).toBe('joined');
  await second.apply({ ...spec, description: 'a new view' }, by);
  const seen = second.report('p').members ?? [];
  expect(seen.map(({ mean }) => mean)).toEqual(members.map((member) => (member.arm === arm ? 1 : null)));
  await second.close();
});
