import { expect, test } from 'vitest';
import { congruential, handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { liftOf } from './report.ts';
import type { TelemetryState } from './telemetry-room.ts';

test('the lift of the whole is that of all outcomes together, also of metrics that only some below know', async () => {
  const node = await handNode({ disk: memoryDisk(), chance: congruential() });
  const holdout = { kind: 'holdout', share: '30%' };
  const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };
  await node.apply({ ...spec, guards: [holdout] }, me);
  for (let i = 0; i < 200; i++) {
    node.hand.ms++;
    const { id } = node.decide('p', { unit: `u${i}` });
    await node.feedback([{ id: id!, reward: i % 3 === 0 ? 1 : 0, metrics: { latencyMs: 10 + (i % 7) } }]);
  }
  const own = node.report('p', 'self');
  const told = { ...own, lift: [...own.lift, { ...own.lift[0], metric: 'theirs' }] };
  const below = { reportOf: new Map([['p', told]]), telemetry: { status: {}, reports: [told] } };
  for (const name of ['x', 'y', 'z']) node.state.below.set(name, below as unknown as TelemetryState);
  const { lift } = node.report('p');
  expect(lift.map(({ metric }) => metric)).toEqual([...own.lift.map(({ metric }) => metric), 'theirs']);
  for (const [i, { metric, sums, ...said }] of lift.entries()) {
    const one = told.lift[i].sums!;
    const times = metric === 'theirs' ? 3 : 4;
    expect(sums!.treated.n).toBe(times * one.treated.n);
    expect(sums!.holdout.squares).toBeCloseTo(times * one.holdout.squares);
    const { treated, holdout, difference, quantiles } = liftOf(
      metric,
      sums!.treated,
      sums!.holdout,
      metric === 'reward' ? [0, 1] : undefined,
    );
    expect(said).toEqual({ treated, holdout, difference, ...(quantiles ? { quantiles } : {}) });
    expect(said.treated.n).toBe(sums!.treated.n);
  }
  await node.close();
});
