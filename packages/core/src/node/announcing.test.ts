import { expect, test } from 'vitest';
import { createNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import type { NodeEvent } from '../status.ts';

const points = Array.from({ length: 20 }, (_, i) => `p${String(i).padStart(2, '0')}`);

/** A root whose clock is read by the tick alone: each look at it costs so much. */
async function hosted(lookMs: number) {
  let ms = 1000;
  const node = await createNode({
    name: 'cloud',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => (ms += lookMs), wallMs: () => 1.7e12 + ms },
      chance: { uint32: () => 7 },
    },
  });
  for (const point of points)
    await node.apply(
      { point, arms: ['a', 'b'], fallback: 'a', policy: { kind: 'split' } },
      { name: 'me', authority: '*' },
    );
  const heard: string[] = [];
  const hear = (event: NodeEvent): void => {
    if (event.kind === 'report') heard.push(event.report.point);
  };
  return { node, heard, hear, pass: (forMs: number) => void (ms += forMs) };
}

test('each point is announced once a second, in one tick where that takes no time', async () => {
  const { node, heard, hear, pass } = await hosted(0);
  node.subscribe(hear);
  for (let round = 1; round <= 3; round++) {
    pass(1000);
    node.tick();
    expect(heard).toHaveLength(20 * round);
    node.tick();
    expect(heard).toHaveLength(20 * round);
  }
  expect(heard.slice(40)).toEqual(points);
});

test('what takes longer than a tick may goes on in the next, and leaves none out', async () => {
  const { node, heard, hear, pass } = await hosted(2);
  node.subscribe(hear);
  pass(1000);
  let most = 0;
  for (let tick = 0, before = 0; tick < 12; tick++, before = heard.length) {
    node.tick();
    most = Math.max(most, heard.length - before);
  }
  expect(most).toBeLessThan(5);
  expect(heard).toEqual(points);
});

test('nothing is made where nobody listens any more', async () => {
  const { node, heard, hear, pass } = await hosted(2);
  const leave = node.subscribe(hear);
  pass(1000);
  node.tick();
  leave();
  node.tick();
  expect(node.state.unannounced).toEqual([]);
  expect(heard.length).toBeLessThan(5);
});
