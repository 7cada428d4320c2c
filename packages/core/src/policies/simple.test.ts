import { describe, expect, it } from 'vitest';
import { compileContext, encodeContext } from '../decision/context.ts';
import { moments } from '../learners/moments.ts';
import type { Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { policies } from './index.ts';
import { everyArm } from './thompson.ts';

type Options = Readonly<Record<string, unknown>>;

const context = compileContext({
  load: { type: 'number' },
  region: { type: 'category', values: ['eu', 'us', 'asia'] },
  paying: { type: 'boolean' },
});
const input: FactoryInput = {
  point: 'p',
  arms: ['a', 'b', 'c'].map((id) => ({ id })),
  fields: context.map(({ name, type, values }) => ({ name, type, values })),
  range: [0, 1],
  path: 'policy',
};
const make = (kind: keyof typeof policies, options: Options = {}): Policy =>
  policies[kind]({ kind, ...options }, input);
const propose = (policy: Policy, change: Partial<PolicyInput> = {}, view?: unknown): number[] => {
  const out: Proposal = { p: new Float64Array(3), confidence: 0 };
  const allowed = change.allowed ?? Uint8Array.of(1, 1, 1);
  const allowedCount = allowed.reduce((sum, one) => sum + one, 0);
  policy.propose(view, { ...everyArm(3), ...change, allowed, allowedCount }, out);
  return [...out.p];
};
const given = (fields: Options): Float64Array => {
  const out = new Float64Array(3);
  expect(encodeContext(context, fields, out)).toBe('');
  return out;
};
const only = (...arms: number[]): Uint8Array => Uint8Array.of(...[0, 1, 2].map((a) => +arms.includes(a)));

describe('fixed', () => {
  it('is its arm, and even shares of the others while that is out', () => {
    expect(propose(make('fixed', { arm: 'b' }))).toEqual([0, 1, 0]);
    expect(propose(make('fixed', { arm: 'b' }), { allowed: only(0, 2) })).toEqual([0.5, 0, 0.5]);
  });
});

describe('split', () => {
  it('is as weighted, over what is allowed', () => {
    const policy = make('split', { weights: { a: 6, b: 3, c: 1 } });
    expect(propose(policy)).toEqual([0.6, 0.3, 0.1]);
    expect(propose(policy, { allowed: only(1, 2) })).toEqual([0, expect.closeTo(0.75), expect.closeTo(0.25)]);
    const zero = make('split', { weights: { a: 1, b: 0, c: 0 } });
    expect(propose(zero, { allowed: only(1, 2) })).toEqual([0, 0.5, 0.5]);
    expect(propose(make('split'))).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});

describe('round robin', () => {
  it('takes the allowed arms in turn', () => {
    const policy = make('round-robin');
    const turns = (allowed: Uint8Array) =>
      [0, 1, 2, 3].map((turn) => propose(policy, { allowed, turn }).indexOf(1));
    expect(turns(only(0, 1, 2))).toEqual([0, 1, 2, 0]);
    expect(turns(only(0, 2))).toEqual([0, 2, 0, 2]);
    expect(turns(only(1))).toEqual([1, 1, 1, 1]);
  });
});

describe('rules', () => {
  const table = make('rules', {
    rules: [
      { when: { region: 'eu', load: { min: 0.5 } }, arm: 'a' },
      { when: { region: ['us', 'asia'], paying: true }, arm: 'b' },
      { when: { load: [1, 2, 3] }, arm: 'a' },
      { arm: 'c' },
    ],
  });
  it.each<[Options, string]>([
    [{ region: 'eu', load: 0.5 }, 'a'],
    [{ region: 'eu', load: 0.4 }, 'c'],
    [{ region: 'eu' }, 'c'],
    [{ region: 'asia', paying: true }, 'b'],
    [{ region: 'asia', paying: false }, 'c'],
    [{ region: 'nowhere', paying: true }, 'c'],
    [{ load: 2 }, 'a'],
    [{ load: 4 }, 'c'],
    [{}, 'c'],
  ])('%j → %s', (fields, arm) => {
    expect(propose(table, { context: given(fields) }).indexOf(1)).toBe('abc'.indexOf(arm));
  });

  it('passes over rules whose arm is not allowed', () => {
    const eu = given({ region: 'eu', load: 1 });
    expect(propose(table, { context: eu, allowed: only(2) })).toEqual([0, 0, 1]);
    expect(propose(table, { context: eu, allowed: only(1) })).toEqual([0, 1, 0]);
  });

  it('a category that merely hashes alike satisfies no rule', () => {
    const hashed = Array.from({ length: 5000 }, (_, i) => given({ region: `r${i}`, paying: true }));
    for (const one of hashed) expect(propose(table, { context: one })[2]).toBe(1);
  });
});

describe('ε-greedy', () => {
  const at: ViewInput = {
    arms: ['a', 'b', 'c'].map((id) => ({ id, key: `${id}#0` })),
    nowMs: 0,
    baseline: undefined,
    margin: 0,
    seed: 0,
  };
  const evidence = moments({ range: [0, 1] });
  const seen = (rewards: Readonly<Record<string, number[]>>) => {
    const own = evidence.zero();
    for (const [id, xs] of Object.entries(rewards))
      for (const x of xs) evidence.record(own, `${id}#0`, x, 1, 0);
    return own;
  };
  const shares = (rewards: Readonly<Record<string, number[]>>, allowed = only(0, 1, 2)) => {
    const policy = make('epsilon-greedy', { epsilon: '30%' });
    return propose(policy, { allowed }, policy.view(seen(rewards), evidence.zero(), at, undefined));
  };
  const close = (...p: number[]) => p.map((x) => expect.closeTo(x, 12));

  it('gives the best arm 1 − ε + ε/k, exactly', () => {
    expect(shares({ a: [0.5], b: [1, 0.9], c: [0] })).toEqual(close(0.1, 0.8, 0.1));
  });
  it('shares the greedy part evenly between equals', () => {
    expect(shares({ a: [1, 0], b: [0.5], c: [0.25] })).toEqual(close(0.45, 0.45, 0.1));
  });
  it('tries every arm before it trusts any', () => {
    expect(shares({ a: [1] })).toEqual(close(0.1, 0.45, 0.45));
    expect(shares({})).toEqual(close(1 / 3, 1 / 3, 1 / 3));
  });
  it('is greedy among what is allowed', () => {
    expect(shares({ a: [0.5], b: [1], c: [0] }, only(0, 2))).toEqual(close(0.85, 0, 0.15));
  });
});

describe('options are refused with field and mend', () => {
  it.each<[keyof typeof policies, Options, string]>([
    ['fixed', {}, 'policy.arm'],
    ['fixed', { arm: 'z' }, 'policy.arm'],
    ['fixed', { arm: 'a', weight: 1 }, 'policy.weight'],
    ['split', { weights: { a: 1, b: 1 } }, 'policy.weights.c'],
    ['split', { weights: { a: 1, b: 1, c: -1 } }, 'policy.weights.c'],
    ['split', { weights: { a: 0, b: 0, c: 0 } }, 'policy.weights'],
    ['split', { weights: { a: 1, b: 1, c: 1, kind: 1 } }, 'policy.weights.kind'],
    ['round-robin', { start: 1 }, 'policy.start'],
    ['epsilon-greedy', { epsilon: 2 }, 'policy.epsilon'],
    ['rules', {}, 'policy.rules'],
    ['rules', { rules: [] }, 'policy.rules'],
    ['rules', { rules: [{ arm: 'z' }] }, 'policy.rules[0].arm'],
    ['rules', { rules: [{ when: { region: 'eu' }, arm: 'a' }] }, 'policy.rules'],
    [
      'rules',
      { rules: [{ when: { colour: 'red' }, arm: 'a' }, { arm: 'a' }] },
      'policy.rules[0].when.colour',
    ],
    [
      'rules',
      { rules: [{ when: { region: 'mars' }, arm: 'a' }, { arm: 'a' }] },
      'policy.rules[0].when.region',
    ],
    [
      'rules',
      { rules: [{ when: { region: { min: 1 } }, arm: 'a' }, { arm: 'a' }] },
      'policy.rules[0].when.region',
    ],
    [
      'rules',
      { rules: [{ when: { load: { min: 2, max: 1 } }, arm: 'a' }, { arm: 'a' }] },
      'policy.rules[0].when.load',
    ],
    [
      'rules',
      { rules: [{ when: { load: { least: 2 } }, arm: 'a' }, { arm: 'a' }] },
      'policy.rules[0].when.load.least',
    ],
    ['rules', { rules: [{ when: { load: 'x' }, arm: 'a' }, { arm: 'a' }] }, 'policy.rules[0].when.load'],
    ['rules', { rules: [{ when: { load: [] }, arm: 'a' }, { arm: 'a' }] }, 'policy.rules[0].when.load'],
    ['rules', { rules: [{ when: { paying: 1 }, arm: 'a' }, { arm: 'a' }] }, 'policy.rules[0].when.paying'],
    ['rules', { rules: [{ arm: 'a', kind: 'x' }] }, 'policy.rules[0].kind'],
  ])('%s %j at %s', (kind, options, field) => {
    expect(() => make(kind, options)).toThrow(
      expect.objectContaining({ code: 'invalid_spec', field, mend: expect.stringMatching(/./) }),
    );
  });
});
