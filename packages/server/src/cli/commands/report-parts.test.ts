import { standard } from '@ganglion/core/presets';
import type { PointReport } from '@ganglion/sdk';
import { describe, expect, it, test } from 'vitest';
import { startNode } from '../../testing/node.ts';
import { misspeltText, rolloutText, unlimitedText } from './report-parts.ts';

const reportOf = (...came: string[]): PointReport =>
  ({
    spec: { objective: { bought: 1, returned: -1, range: [-1, 1] } },
    lift: came.map((metric) => ({ metric })),
  }) as unknown as PointReport;

test('a metric that is spelt nearly as one that the objective still waits for is named: it teaches nothing', () => {
  expect(misspeltText(reportOf('reward', 'bougth', 'returned'))).toEqual([
    'bougth is kept, and teaches nothing: the objective waits for bought\n',
  ]);
});

test('metrics of one’s own are no mistakes, nor is one like another that has come', () => {
  expect(misspeltText(reportOf('reward', 'latencyMs'))).toEqual([]);
  expect(misspeltText(reportOf('bought', 'bougth', 'returned'))).toEqual([]);
  expect(misspeltText({ spec: {}, lift: [] } as unknown as PointReport)).toEqual([]);
});

test('a limit of a metric that no outcome has told limits nothing, and is named once outcomes have come', () => {
  const told = (of: string, outcomes: number, ...came: string[]): readonly string[] =>
    unlimitedText({
      spec: { guards: [{ kind: 'limit', of }, { kind: 'holdout' }] },
      outcomes,
      lift: came.map((metric) => ({ metric, sums: { treated: { n: outcomes - 2 }, holdout: { n: 2 } } })),
    } as unknown as PointReport);
  expect(told('tokens', 12, 'reward', 'token_count')).toEqual([
    'the limit of tokens limits nothing yet: none of 12 outcomes has told it\n',
  ]);
  expect(told('tokens', 12, 'tokens')).toEqual([]);
  expect(told('tokens', 0)).toEqual([]);
  expect(told('actions', 12, 'reward')).toEqual([]);
  expect(told('exposure', 12, 'reward')).toEqual([]);
});

test('a limit whose charges come from an experiment alone is not said to limit nothing', async () => {
  const experiment = { variants: { control: { arm: 'a' }, treatment: { arm: 'b' } } };
  const node = await startNode([
    {
      point: 'p',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'split' },
      objective: { success: 1 },
      guards: [
        { kind: 'experiment', name: 'x', ...experiment },
        { kind: 'limit', of: 'tokens', max: 20, per: '1h' },
      ],
    },
  ]);
  const tell = async (unit: string) => {
    const { id } = node.decide('p', { unit });
    await node.feedback([{ id: id!, metrics: { success: 1, tokens: 5 } }]);
  };
  for (const unit of ['u', 'v', 'w', 'x']) await tell(unit);
  expect(node.decide('p', { unit: 'y' }).reason).toBe('blocked');
  const report = node.report('p');
  expect(report.outcomes).toBe(4);
  expect(unlimitedText(report)).toEqual([]);
  await node.close();
});

describe('a rollout', () => {
  const counted = (n: number, verdict = 'sound', repeats?: number) => ({
    experiment: 'rollout',
    kind: 'rollout',
    mismatch: { verdict },
    repeats,
    variants: [
      { control: true, counted: 9000 },
      { control: false, counted: n },
    ],
  });
  const told = (guard: object | undefined, ...experiments: object[]): string | undefined =>
    rolloutText({
      spec: { guards: guard === undefined ? [] : [{ kind: 'rollout', ...guard }] },
      experiments,
    } as unknown as PointReport)[0]?.[1];
  const guardrails = ['errorRate'];

  it('says its stage, its share and what it waits for', () => {
    expect(told({ guardrails, stage: 1 }, counted(120))).toBe(
      'stage 2 of 4, 5 %: 120 of 1 000 units have counted; goes on then, after 60 min in it at least',
    );
    expect(
      told(
        { guardrails, stages: [0.1, '50%'], dwell: '5s', minOutcomes: 10, count: 'decision' },
        counted(31, 'sound', 2),
      ),
    ).toBe('stage 1 of 2, 10 %: 15 of 10 decisions have counted; goes on then, after 5 s in it at least');
    const warnings = ['no value of errorRate in 2,000 counted decisions: check its name'];
    expect(told({ guardrails }, { ...counted(2000), warnings })).toBe(
      `stage 1 of 4, 1 %: held, for ${warnings[0]}`,
    );
    expect(told({ guardrails }, counted(2000, 'mismatch'))).toBe(
      'stage 1 of 4, 1 %: held, for those that count are not those that were assigned',
    );
  });

  it('without guardrails waits for a person', () => {
    expect(told({})).toBe('stage 1 of 4, 1 %: without guardrails a person moves it on, to stage: 1');
  });

  it('is told also once it is at its end, or taken back; no rollout, no line', () => {
    expect(told({ guardrails, stage: 3 })).toBe('complete: 100 % (stage 4 of 4)');
    expect(told({ stages: ['5%', '50%'], stage: 1 })).toBe('the last stage, 2 of 2: 50 %');
    expect(told({ reverted: 'at 5 %: success is worse' })).toBe('reverted at 5 %: success is worse');
    expect(told({ reverted: 'by hand' })).toBe('reverted: by hand');
    expect(told(undefined)).toBeUndefined();
  });

  it('has the defaults of the guard', () => {
    const input = { point: 'p', arms: [], fields: [], range: [0, 1] as const, path: 'guards[0]' };
    const guard = standard.guards.rollout({ kind: 'rollout', guardrails }, input);
    expect(guard.rollout).toEqual({
      stages: [0.01, 0.05, 0.25, 1],
      stage: 0,
      dwellMs: 3_600_000,
      minCounted: 1000,
      reverted: undefined,
    });
  });
});
