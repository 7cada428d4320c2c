import { expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import type { DecideInput } from '../node-api.ts';
import { me as by, byHand, handNode } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/index.ts';

/** A node that has decided, stopped, and started again on the same disk. */
async function again(spec: Partial<PointSpec>, times: number, input: DecideInput): Promise<HostedNode> {
  const disk = memoryDisk();
  const start = (ms: number) => handNode({ disk, hand: byHand({ ms, chance: { uint32: () => 7 } }) });
  const before = await start(1000);
  await before.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'split' }, ...spec }, by);
  for (let i = 0; i < times; i++) before.decide('p', input);
  const { id } = before.decide('p', input);
  await before.close();
  const after = await start(5000);
  // What was decided before is known, and takes its outcome.
  expect(await after.feedback([{ id, reward: 1 }])).toMatchObject([{ status: 'joined' }]);
  return after;
}

test('a unit of any length does not keep a node from starting again', async () => {
  await again({}, 0, { unit: 'x'.repeat(70_000) });
  await again({}, 0, { unit: 'ü'.repeat(70_000) });
});

test('nor do many arms that a caller could not use', async () => {
  const arms = Array.from({ length: 200 }, (_, i) => `an-arm-with-a-name-of-some-length-${i}`);
  await again({ arms, fallback: arms[0] }, 0, { exclude: arms.slice(1) });
});

test('nor does a context of very many fields', async () => {
  const names = Array.from({ length: 5000 }, (_, i) => `f${i}`);
  await again({ context: Object.fromEntries(names.map((name) => [name, { type: 'number' }])) }, 0, {
    context: Object.fromEntries(names.map((name, i) => [name, i + 0.5])),
  });
});

test('nor does a batch of more than 64 MiB, after a disk that failed for a while', async () => {
  const names = Array.from({ length: 400 }, (_, i) => `f${i}`);
  await again({ context: Object.fromEntries(names.map((name) => [name, { type: 'number' }])) }, 22_000, {
    context: Object.fromEntries(names.map((name, i) => [name, i + 0.5])),
  });
}, 60_000);
