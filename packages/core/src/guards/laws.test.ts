import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { FactoryInput } from '../registry.ts';
import { resolveKind } from '../registry.ts';
import { stream } from '../stats/random.ts';
import { guardLaws } from '../testing/guard-laws.ts';
import { guards } from './index.ts';

/** One row a guard: a new one is held to all laws by being listed. */
const rows: readonly { readonly kind: string; readonly [option: string]: unknown }[] = [
  { kind: 'holdout', share: '30%' },
  { kind: 'rollout', stages: ['10%', '60%', '100%'], stage: 1 },
  { kind: 'experiment', name: 'copy', variants: { control: { arm: 'a' }, treatment: { arm: 'b' } } },
  {
    kind: 'experiment',
    name: 'lift',
    share: '40%',
    variants: { control: { baseline: true }, half: { influence: 0.5 }, all: {} },
  },
  {
    kind: 'experiment',
    of: [
      { name: 'one', share: '30%', variants: { x: {}, y: {} } },
      { name: 'two', share: 0.6, variants: { x: {}, y: {} } },
    ],
  },
  { kind: 'experiment', name: 'arms', variants: 'policy' },
  { kind: 'shadow' },
  { kind: 'rollout', stages: ['10%', '60%'], guardrails: ['success'], reverted: 'bad' },
  { kind: 'safety', margin: 0.05, share: '30%' },
  {
    kind: 'safety',
    margin: 1,
    metric: 'return',
    range: [0, 9],
    retry: { after: '1d' },
    fallen: 'bad',
    falls: 1,
  },
  { kind: 'exploration', floor: '2%' },
  { kind: 'confidence', min: 0.7, margin: 0.02 },
  { kind: 'confidence', min: 0.7, otherwise: ['escalate'] },
  { kind: 'breaker', minCalls: 4, window: '10s', openFor: '1s', probes: 2 },
  {
    kind: 'breaker',
    minCalls: 2,
    slowCall: '100ms',
    slowRate: 0.5,
    openFor: '1s',
    maxEjected: '50%',
    whenAllOpen: 'block',
  },
  { kind: 'bulkhead', perArm: 4 },
  { kind: 'bulkhead', total: 8, scope: 'domain', queue: 5 },
  { kind: 'limit', of: 'actions', max: 20, per: '10s' },
  { kind: 'limit', of: 'cost', max: 30, per: '1s', cost: 2, arms: ['a', 'b'] },
  { kind: 'limit', of: 'cost', max: 5, per: '1m', scope: 'unit', units: 12 },
  { kind: 'limit', of: 'exposure', max: 2, per: '1m', scope: 'unit', roaming: true },
];

for (const row of rows) {
  const make = (point: FactoryInput) => resolveKind(guards, row.kind, 'kind')(row, point);
  describe(JSON.stringify(row), () => {
    for (const { law, run } of guardLaws(make))
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: 30 },
        );
      });
  });
}
