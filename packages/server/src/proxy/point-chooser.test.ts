import { createNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { expect, it } from 'vitest';
import { pointChooser } from './point-chooser.ts';

it('a client that goes away is no failure of the backend, also after the window has passed', async () => {
  let ms = 1000;
  let word = 1;
  const node = await createNode({
    name: 'edge',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
      chance: { uint32: () => word++ },
    },
  });
  await node.apply(
    {
      point: 'backend',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'balancer' },
      objective: { latencyMs: -0.001, range: [-1, 0] },
      attribution: { window: '1s', default: { latencyMs: 1000, success: 0 } },
    },
    { name: 'me', authority: '*' },
  );
  const chooser = pointChooser({
    node,
    point: 'backend',
    backends: { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2' },
    deadlineMs: 1000,
    onError: (error) => {
      throw error;
    },
  });
  const request = {
    attempt: 0,
    method: 'GET',
    path: '/',
    unit: 'u',
    exclude: [],
    header: () => undefined,
  };
  for (let i = 0; i < 20; i++)
    (await chooser.choose(request))?.done({
      fault: 'client',
      error: undefined,
      status: undefined,
      latencyMs: 5,
      durationMs: 5,
    } as never);
  await chooser.flush();
  ms += 2000;
  node.tick();
  const report = node.report('backend', 'self');
  expect(report).toMatchObject({ decisions: 20, outcomes: 0, pending: 0 });
  expect(report.arms.map((arm) => [arm.failures, arm.inflight])).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
