import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compilePoint, DEFAULT_LIMITS, type LoggedDecision, type PointSpec } from '@ganglion/core';
import { stream } from '@ganglion/core/ope';
import { standard } from '@ganglion/core/presets';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { styleOf } from '../cli/style.ts';
import { startNode } from '../testing/node.ts';
import { declaredCandidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';
import { evaluateLog } from './evaluate-log.ts';
import { pointLog, readNodeLogs } from './node-log.ts';
import { replayLog } from './replay-log.ts';
import { candidateText } from './report-text.ts';

/** One row a kind of policy; a new one must be listed. */
const POLICIES: Readonly<Record<string, PointSpec['policy']>> = Object.fromEntries(
  [
    { kind: 'fixed', arm: 'b' },
    { kind: 'rules', rules: [{ when: { device: 'phone' }, arm: 'b' }, { arm: 'c' }] },
    { kind: 'split', weights: { a: 1, b: 2, c: 3 } },
    { kind: 'round-robin' },
    { kind: 'epsilon-greedy', epsilon: '20%' },
    { kind: 'thompson' },
    { kind: 'ucb1' },
    { kind: 'kl-ucb' },
    { kind: 'softmax' },
    { kind: 'exp3' },
    { kind: 'square-cb' },
    { kind: 'lin-ucb' },
    { kind: 'linear-thompson' },
    { kind: 'q-learning', state: [] },
    { kind: 'balancer', halfLife: '10s', deadline: '1s' },
    { kind: 'ensemble', members: [{ kind: 'split' }, { kind: 'thompson' }] },
    {
      kind: 'by-context',
      rules: [{ when: { device: 'phone' }, policy: { kind: 'split' } }, { policy: { kind: 'thompson' } }],
    },
  ].map((policy) => [policy.kind, policy]),
);

const context: PointSpec['context'] = {
  device: { type: 'category', values: ['phone', 'web'] },
  load: { type: 'number', min: 0, max: 1 },
};
const specOf = (kind: string): PointSpec => ({
  point: kind,
  arms: ['a', 'b', 'c'],
  fallback: 'a',
  context,
  policy: POLICIES[kind],
  guards: [{ kind: 'holdout', share: 0 }],
});
const data = mkdtempSync(path.join(tmpdir(), 'ganglion-own-policy-'));
let decisions: readonly LoggedDecision[];
const OPTIONS = { level: 0.9999, interval: 'normal', resamples: 100, seed: 1, folds: 5 } as const;
const logOf = (point: string): DecisionLog => pointLog(decisions, point, 'data');
const asked = (log: DecisionLog, declaration: object) =>
  evaluateLog(log, declaredCandidate(log, declaration, 'c', OPTIONS), OPTIONS);

beforeAll(async () => {
  const node = await startNode(Object.keys(POLICIES).map(specOf), data);
  const draws = stream(1, 7);
  for (const point of Object.keys(POLICIES))
    for (let batch = 0; batch < 40; batch++) {
      const seen = Array.from({ length: 1 + draws.integer(30) }, (_, i) => {
        const device = draws.integer(2) === 0 ? 'phone' : 'web';
        const { id, arm } = node.decide(point, {
          context: { device, ...(i % 2 ? { load: draws.next() } : {}) },
        });
        const good = draws.next() < (arm === 'c' ? 0.6 : 0.4);
        return { id, reward: good ? 1 : 0, metrics: { latencyMs: good ? 5 : 200, success: good ? 1 : 0 } };
      });
      await node.feedback(seen);
    }
  await node.close();
  decisions = (await readNodeLogs(data)).flatMap((log) => log.decisions);
}, 120_000);
afterAll(() => rmSync(data, { recursive: true, force: true }));

test('every kind of policy is asked about its own log', () => {
  expect(Object.keys(POLICIES).sort()).toEqual(Object.keys(standard.policies).sort());
});

describe.each(Object.keys(POLICIES))('a %s on its own log', (kind) => {
  it('is as good as itself where it learns nothing, not surely worse where it learns, or refused', () => {
    const log = logOf(kind);
    const { policy } = compilePoint(specOf(kind), standard, DEFAULT_LIMITS);
    const own = { policy: POLICIES[kind], context };
    if (policy.looksAt !== undefined) {
      const refusal = expect.objectContaining({
        code: 'not_replayable',
        message: `${kind} looks at ${policy.looksAt}, which no row of the log keeps`,
        mend: expect.stringMatching(/experiment/),
      });
      expect(() => asked(log, own)).toThrow(refusal);
      expect(() => replayLog(log, own, { ...OPTIONS, everyRows: 20 })).toThrow(refusal);
      return;
    }
    // The log of one that learned is no sample of independent rows: four standard errors say less of it than a bound does.
    const interval = policy.learns === false ? 'normal' : 'empirical-bernstein';
    const options = { ...OPTIONS, interval } as const;
    const { estimates, refused, how } = evaluateLog(log, declaredCandidate(log, own, 'c', options), options);
    expect(how).toBe(
      policy.learns === false
        ? `${kind}/1, as it is`
        : `${policy.name}, what it learns of a row learned from the other 4 of 5 folds`,
    );
    if (policy.learns === false) expect(refused).toEqual([]);
    for (const { estimator, difference } of estimates) {
      const { low, high } = difference;
      // One that has learned from all of its log may well be better than it was while it learned.
      const fair = high >= 0 && (policy.learns !== false || low <= 0);
      expect([estimator, fair, low, high]).toEqual([estimator, true, low, high]);
    }
  });
});

test('what is made of one that cannot be asked cannot be asked either', () => {
  const members = [{ kind: 'split' }, { kind: 'balancer' }];
  const ensemble = { policy: { kind: 'ensemble', members } };
  expect(() => asked(logOf('split'), ensemble)).toThrow(/^ensemble looks at requests in flight/);
  const constrained = {
    point: 'p',
    arms: ['a', 'b', 'c'],
    fallback: 'a',
    policy: { kind: 'balancer' },
    objective: {
      success: 1,
      range: [0, 1],
      constraints: [{ metric: 'latencyMs', max: 100, range: [0, 1000] }],
    },
  };
  expect(() => asked(logOf('split'), constrained)).toThrow(/looks at requests in flight/);
});

describe('a field of the candidate’s', () => {
  const rules = (field: string) => ({
    policy: { kind: 'rules', rules: [{ when: { [field]: 'phone' }, arm: 'b' }, { arm: 'c' }] },
    context: { [field]: { type: 'category', values: ['phone', 'web'] } },
  });

  it('that no decision has is refused, with those that the log has', () => {
    const log = logOf('split');
    const refusal = {
      code: 'unknown_field',
      field: 'context.devise',
      value: '"devise"',
      message: `devise is in none of ${log.rows} decisions; the log has: device, load`,
      mend: 'Name it as the log does, or leave it out of the candidate.',
    };
    expect(() => asked(log, rules('devise'))).toThrow(expect.objectContaining(refusal));
    expect(() => replayLog(log, rules('devise'), { ...OPTIONS, everyRows: 20 })).toThrow(
      expect.objectContaining(refusal),
    );
    expect(() => asked({ ...log, context: new Map() }, rules('device'))).toThrow(/the log has: no field/);
  });

  it('that nobody has sent yet is allowed beside all that were sent', () => {
    const log = logOf('split');
    const fields = {
      device: { type: 'category', values: ['phone', 'web'] },
      load: { type: 'number', min: 0, max: 1 },
      country: { type: 'category', values: ['de', 'fr'] },
    };
    expect(asked(log, { policy: { kind: 'lin-ucb' }, context: fields }).estimates).not.toEqual([]);
  });

  it('that some decisions have is allowed', () => {
    const log = logOf('split');
    expect(asked(log, rules('device')).estimates).not.toEqual([]);
    const load = log.context.get('load') as Float64Array;
    expect([load.some(Number.isNaN), load.every(Number.isNaN)]).toEqual([true, false]);
    const some = { policy: { kind: 'lin-ucb' }, context: { load: { type: 'number', min: 0, max: 1 } } };
    expect(() => asked(log, some)).not.toThrow();
  });
});

test('what a log was sure not to do it never did, though another of its rows shows the arm', () => {
  // By turns a and b, each time for sure: what the other would have brought then nobody can say.
  const sure = logOf('split');
  const arm = sure.arm.map((_, row) => row % 2);
  const log = { ...sure, arm, propensity: new Float64Array(sure.rows).fill(1) };
  const { refused, overlap } = asked(log, { policy: { kind: 'fixed', arm: 'a' } });
  expect(overlap.unsupported).toBeCloseTo(0.5, 2);
  expect(refused.map(({ reason }) => reason)).toContain('no_overlap');
});

test('the same decisions in another order have the same answer', () => {
  const there = decisions.map((decision) => ({ ...decision, atMs: Math.floor(decision.atMs / 100) * 100 }));
  const answer = (list: readonly LoggedDecision[]) => {
    const log = pointLog(list, 'split', 'data');
    const candidate = declaredCandidate(log, { policy: { kind: 'thompson' } }, 'c', OPTIONS);
    return evaluateLog(log, candidate, { ...OPTIONS, interval: 'bca' });
  };
  expect(answer(there.toReversed())).toEqual(answer(there));
});

describe('categories of the log that the candidate does not declare', () => {
  const rules = { kind: 'rules', rules: [{ when: { device: 'mobile' }, arm: 'b' }, { arm: 'c' }] };
  const declaring = (values: readonly string[] | undefined) => ({
    policy: values === undefined ? rules : { ...rules, rules: [{ arm: 'c' }] },
    ...(values === undefined
      ? {}
      : { context: { device: { type: 'category', values }, load: { type: 'number', min: 0, max: 1 } } }),
  });
  const renamed = (): DecisionLog => {
    const log = logOf('split');
    const device = Array.from({ length: log.rows }, (_, row) =>
      row % 10 === 0 ? null : row % 10 === 1 ? 'tv' : 'mobile',
    );
    return { ...log, context: new Map([...log.context, ['device', device]]) };
  };

  it('are named with their field and the share of the decisions that have them, the most frequent first', () => {
    const log = renamed();
    const share = [...(log.context.get('device') ?? [])].filter((each) => each !== null).length / log.rows;
    const evaluation = asked(log, declaring(['phone', 'web']));
    expect(evaluation.unseen).toEqual([{ field: 'device', values: ['mobile', 'tv'], share }]);
    expect(candidateText(evaluation, 0.95, styleOf({ isTerminal: false, env: {} }))).toMatch(
      /note: device is mobile or tv in (90|89\.\d) % of the decisions, which the candidate does not declare/,
    );
  });

  it('are none where all are declared, or none is', () => {
    const log = renamed();
    expect(asked(log, declaring(['mobile', 'tv'])).unseen).toEqual([]);
    expect(asked(log, declaring(undefined)).unseen).toEqual([]);
  });
});
