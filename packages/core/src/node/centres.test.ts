import { describe, expect, test } from 'vitest';
import type { KindSpec } from '../decision/spec.ts';
import { stream } from '../stats/random.ts';
import { BOOT_MS, drawnFrom, handNode, me } from '../testing/hand-node.ts';

const FAR = BOOT_MS;
/** As far as a range so narrow may lie from 0. */
const RANGED = 1_000_000_000;
const VARIANTS = { control: { arm: 'a' }, treatment: { arm: 'b' } };

/** What is said of the metric `at` (and of the reward, which is the same) of 3,000 units: FAR ± 1 (within a range: RANGED ± 1), and `effect` more at arm b. */
async function judged(effect: number, guard: object, range?: readonly [number, number]) {
  const random = stream(5, 9);
  const node = await handNode({ chance: drawnFrom(random) });
  const experiment = { kind: 'experiment', name: 'e', variants: VARIANTS, ...guard } as KindSpec;
  await node.apply(
    {
      point: 'p',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'split' },
      objective: range === undefined ? { success: 1 } : { at: 1, range },
      attribution: { window: 1000 },
      oversight: { lease: 'none' },
      guards: [experiment],
    },
    me,
  );
  const items = Array.from({ length: 3000 }, (_, i) => {
    const { id, arm } = node.decide('p', { unit: `u${i}` });
    const noise = Math.max(-4, Math.min(4, random.normal()));
    return { id, metrics: { at: (range === undefined ? FAR : RANGED) + noise + (arm === 'b' ? effect : 0) } };
  });
  await node.feedback(items);
  for (let i = 0; i < 30; i++) node.pass(100);
  const report = node.report('p').experiments[0];
  return { decision: report.decision, metric: report.metrics[0].variants };
}

const range = [RANGED - 5, RANGED + 6] as const;

describe('a metric far from 0', () => {
  test('says nothing where its sums are about 0', async () => {
    const { decision, metric } = await judged(0.3, { metrics: ['at'] });
    expect(decision).toBe('keep going');
    expect(metric[1].difference).toMatchObject({ low: null, high: null });
  });

  test.each([
    ['about its centre', { metrics: [{ metric: 'at', centre: FAR }] }, undefined],
    ['within a range', { metrics: ['reward'] }, range],
    [
      'about its centre, of arms',
      { metrics: [{ metric: 'at', centre: FAR }], variants: 'policy' },
      undefined,
    ],
    ['within a range, of arms', { metrics: ['reward'], variants: 'policy' }, range],
  ])('is told as well as one near 0: %s', async (_name, guard, of) => {
    const { decision, metric } = await judged(0.3, guard, of);
    expect(decision).toBe('ship');
    const [control, treatment] = metric;
    expect(treatment.difference!.low).toBeLessThan(0.3);
    expect(treatment.difference!.high).toBeGreaterThan(0.3);
    const about = of === undefined ? FAR : RANGED;
    expect(control.mean.low).toBeLessThan(about);
    expect(control.mean.high).toBeGreaterThan(about);
    expect(Math.abs(control.mean.mean! - about)).toBeLessThan(0.2);
    expect((await judged(0, guard, of)).decision).toBe('keep going');
  });
});
