import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoggedDecision } from '@ganglion/core';
import { stream } from '@ganglion/core/ope';
import { describe, expect, it } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { type GateVerdict, judge } from './gate.ts';

const RULE = { margin: undefined, minDecisions: 300, level: 0.95 };

/** Decisions drawn evenly of two arms that earn so much. */
function decisions(n: number, rates: Readonly<Record<string, number>>, seed = 1): LoggedDecision[] {
  const random = stream(seed, 7);
  const arms = Object.keys(rates);
  return Array.from({ length: n }, (_, i) => {
    const arm = arms[random.integer(2)];
    const reward = random.next() < rates[arm] ? 1 : 0;
    return {
      id: `n~i~${i}`,
      point: 'p',
      atMs: i,
      stratum: '',
      proposed: arm,
      arm,
      arms,
      propensity: 0.5,
      confidence: null,
      reason: 'policy',
      tier: 'cloud',
      specVersion: 1,
      viewVersion: 1,
      unit: `u${i}`,
      context: {},
      trains: true,
      exposed: true,
      outcome: 'feedback',
      metrics: { reward },
      truth: null,
      reward,
      range: [0, 1],
    } as unknown as LoggedDecision;
  });
}

const fixed = (arm: string): string => JSON.stringify({ policy: { kind: 'fixed', arm } });

function verdict(log: LoggedDecision[], candidate: string, champion: string): Promise<GateVerdict> {
  const folder = testFolder();
  const [candidateFile, championFile] = [join(folder, 'candidate'), join(folder, 'champion')];
  writeFileSync(candidateFile, candidate);
  writeFileSync(championFile, champion);
  const question = { point: 'p', decisions: log, candidateFile, championFile, predict: undefined };
  return judge({ ...question, rule: RULE, cwd: folder, folder }, AbortSignal.timeout(60_000));
}

describe('the gate', () => {
  it('lets through what is better, by about as much as it is', async () => {
    const found = await verdict(decisions(2000, { a: 0.3, b: 0.6 }), fixed('b'), fixed('a'));
    expect(found).toMatchObject({ passed: true, decisions: 2000 });
    expect(found.difference!.low).toBeLessThan(0.3);
    expect(found.difference!.high).toBeGreaterThan(0.3);
  });

  it('stops what is worse, and says that it is', async () => {
    const found = await verdict(decisions(2000, { a: 0.3, b: 0.6 }), fixed('a'), fixed('b'));
    expect(found).toMatchObject({ passed: false, why: expect.stringMatching(/^worse than the champion/) });
  });

  it('stops what is not shown to be as good', async () => {
    const found = await verdict(decisions(400, { a: 0.5, b: 0.5 }), fixed('b'), fixed('a'));
    expect(found).toMatchObject({ passed: false, why: expect.stringMatching(/^not shown to be as good/) });
  });

  it('lets through what does the same', async () => {
    const found = await verdict(decisions(500, { a: 0.4, b: 0.4 }), fixed('a'), fixed('a'));
    expect(found).toMatchObject({ passed: true, difference: { value: 0, low: 0, high: 0 } });
  });

  it('knows of too few decisions that it knows nothing', async () => {
    const found = await verdict(decisions(200, { a: 0.1, b: 0.9 }), fixed('b'), fixed('a'));
    expect(found).toMatchObject({
      passed: false,
      difference: null,
      why: expect.stringMatching(/200 decisions/),
    });
  });

  it('knows nothing of an arm that the log never took', async () => {
    const log = decisions(1000, { a: 0.1, b: 0.9 }).map((each) => ({ ...each, arms: ['a', 'b', 'c'] }));
    const found = await verdict(log, fixed('c'), fixed('a'));
    expect(found).toMatchObject({
      passed: false,
      difference: null,
      why: expect.stringMatching(/^of the candidate the log says too little/),
    });
  });

  it('knows nothing of what looks at more than the log keeps, or reads what it has not', async () => {
    const log = decisions(500, { a: 0.3, b: 0.6 });
    const found = await verdict(log, JSON.stringify({ policy: { kind: 'balancer' } }), fixed('a'));
    expect(found).toMatchObject({ passed: false, candidate: null, difference: null });
    expect(found.why).toBe(
      'of the candidate the log says nothing: not_replayable: balancer looks at requests in flight, which no row of the log keeps',
    );
    const policy = { kind: 'rules', rules: [{ when: { devise: 'phone' }, arm: 'b' }, { arm: 'a' }] };
    const reads = JSON.stringify({ policy, context: { devise: { type: 'category', values: ['phone'] } } });
    expect((await verdict(log, fixed('b'), reads)).why).toMatch(
      /^of the champion the log says nothing: unknown_field: devise is in none of 500 decisions/,
    );
  });

  it('does not take a file for a policy that is none', async () => {
    await expect(verdict(decisions(500, { a: 0.4, b: 0.4 }), '\u0000\u0001', fixed('a'))).rejects.toThrow(
      /predict|no declaration/,
    );
  });

  it('passes what is worse by ten points in none of 40 logs', async () => {
    let passed = 0;
    for (let seed = 0; seed < 40; seed++)
      if ((await verdict(decisions(600, { a: 0.5, b: 0.4 }, seed), fixed('b'), fixed('a'))).passed) passed++;
    expect(passed).toBe(0);
  });

  it('promotes nothing on a handful of rare outcomes', async () => {
    const found = await verdict(decisions(500, { a: 0.004, b: 0.002 }), fixed('b'), fixed('a'));
    expect(found).toMatchObject({
      passed: false,
      difference: null,
      why: expect.stringMatching(/rare/),
    });
  });

  it.each([
    ['halves the clicks', 500, 0.004, 0.002, 40],
    ['halves the clicks', 5000, 0.004, 0.002, 10],
    ['doubles the failures', 5000, 0.996, 0.992, 10],
  ])('what %s passes in at most one of its logs of %i', async (_, n, a, b, logs) => {
    let passed = 0;
    for (let seed = 1; seed <= logs; seed++)
      if ((await verdict(decisions(n, { a, b }, seed), fixed('b'), fixed('a'))).passed) passed++;
    expect(passed).toBeLessThanOrEqual(1);
  });

  it('lets through what is better though rewards are rare, once there are enough of them', async () => {
    const found = await verdict(decisions(20_000, { a: 0.004, b: 0.012 }), fixed('b'), fixed('a'));
    expect(found.passed).toBe(true);
  });
});
