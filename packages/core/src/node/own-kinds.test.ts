import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { Guard, Verdict } from '../guard.ts';
import type { DecideInput } from '../node-api.ts';
import type { Policy, PolicyInput, Proposal } from '../policy.ts';
import { standard } from '../presets/standard.ts';
import type { Factory, Registry } from '../registry.ts';
import { congruential, handNode, me } from '../testing/hand-node.ts';
import { spokenChild } from '../testing/spoken-child.ts';

/** Policies and guards of somebody's own, who may not have run the laws: what is stopped stays stopped. */
const blind = (_view: unknown, { arms }: PolicyInput, out: Proposal): void => {
  for (let a = 0; a < arms; a++) out.p[a] = 1 / arms;
  out.confidence = 0.5;
};

/** Proposes all arms alike, whatever is allowed. */
const uniform: Factory<Policy> = (options, input) => ({
  ...(standard.policies.fixed({ ...options, kind: 'fixed', arm: 'a' }, input) as Policy),
  propose: blind,
});

const WITHOUT_B: Verdict = { kind: 'restrict', guard: 'late', why: 'not b', exclude: Uint8Array.of(0, 1, 0) };

const guard = (phase: Guard['phase'], check: () => Verdict): Factory<Guard> => {
  return () => ({ name: 'own/1', phase, initial: () => 0, check, rearm: (state) => state });
};

const broken = (): never => {
  throw new Error('it is broken');
};

const registry: Registry = {
  ...standard,
  policies: { ...standard.policies, uniform },
  guards: {
    ...standard.guards,
    early: guard('narrow', () => WITHOUT_B),
    late: guard('judge', () => WITHOUT_B),
    narrows: guard('narrow', broken),
    judges: guard('judge', broken),
    assigns: guard('assign', broken),
  },
};

const SPEC: PointSpec = { point: 'p', arms: ['a', 'b', 'c'], fallback: 'a', policy: { kind: 'uniform' } };

async function deciding(spec: Partial<PointSpec> = {}) {
  const node = await handNode({ registry, chance: congruential() });
  await node.apply({ ...SPEC, ...spec }, me);
  return node;
}

type Node = Awaited<ReturnType<typeof deciding>>;

const decide = (node: Node, input: DecideInput = {}) =>
  Array.from({ length: 300 }, (_, i) => node.decide('p', { unit: `u${i}`, ...input }));

const count = <T>(values: readonly T[]): ReadonlyMap<T, number> =>
  values.reduce((counts, each) => counts.set(each, (counts.get(each) ?? 0) + 1), new Map<T, number>());

describe('a policy that proposes what is not allowed', () => {
  test('is drawn from while all is allowed', async () => {
    const decisions = decide(await deciding());
    expect(count(decisions.map(({ reason }) => reason))).toEqual(new Map([['policy', 300]]));
    expect(new Set(decisions.map(({ arm }) => arm)).size).toBe(3);
  });

  test('never gets a killed arm through: the fallback, for that reason, and the trail says why', async () => {
    const node = await deciding();
    await node.kill({ scope: 'artifact:b', reason: 'it is bad', by: me });
    for (const { arm, reason, trail } of decide(node)) {
      expect({ arm, reason }).toEqual({ arm: 'a', reason: 'invalid_proposal' });
      expect(trail.at(-1)).toEqual({
        guard: 'policy',
        kind: 'block',
        why: 'it proposed an arm that is not allowed',
      });
    }
    await node.revive({ scope: 'artifact:b', reason: 'it is good', by: me });
    expect(count(decide(node).map(({ reason }) => reason))).toEqual(new Map([['policy', 300]]));
  });

  test('nor one that the caller cannot use, or that a guard withholds', async () => {
    for (const { arm } of decide(await deciding(), { exclude: ['b'] })) expect(arm).toBe('a');
    for (const { arm } of decide(await deciding({ guards: [{ kind: 'early' }] }))) expect(arm).toBe('a');
  });

  test('is not served as baseline either', async () => {
    const node = await deciding({
      policy: { kind: 'split' },
      baseline: { kind: 'uniform' },
      guards: [{ kind: 'holdout', share: 0.5 }],
    });
    await node.kill({ scope: 'artifact:b', reason: 'it is bad', by: me });
    const decisions = decide(node);
    expect(decisions.filter(({ arm }) => arm === 'b')).toEqual([]);
    const reasons = count(decisions.map(({ reason }) => reason));
    expect([...reasons.keys()].sort()).toEqual(['invalid_proposal', 'policy']);
  });

  test('nor as the baseline’s part of a softened policy', async () => {
    const node = await deciding({
      policy: { kind: 'split' },
      baseline: { kind: 'uniform' },
      guards: [
        { kind: 'experiment', name: 'x', variants: { half: { influence: 0.5 }, most: { influence: 0.9 } } },
      ],
    });
    expect(new Set(decide(node).map(({ arm }) => arm)).size).toBe(3);
    await node.kill({ scope: 'artifact:b', reason: 'it is bad', by: me });
    for (const { arm, reason } of decide(node))
      expect({ arm, reason }).toEqual({ arm: 'a', reason: 'invalid_proposal' });
  });

  test('and has nothing to say to a child that asks', async () => {
    const parent = await deciding();
    const child = spokenChild(parent, 'dev');
    const ask = { point: 'p', context: {}, unit: 'u', allowed: ['a', 'b', 'c'], budgetMs: 100 };
    const answered = (id: number) => {
      child.say({ asks: [{ id, ...ask }] });
      return child.heard.flatMap(({ answers }) => answers).find((answer) => answer.id === id)?.p;
    };
    expect(answered(1)).toMatchObject({ a: expect.closeTo(1 / 3, 12) });
    await parent.kill({ scope: 'artifact:b', reason: 'it is bad', by: me });
    expect(answered(2)).toBeNull();
    expect(parent.nodes()[0].refused).toMatchObject({ invalid_proposal: 1 });
  });
});

describe('a guard that takes an arm away when it has heard the proposal', () => {
  test('has it taken out of what is drawn, with the probabilities of what is left', async () => {
    const decisions = decide(await deciding({ guards: [{ kind: 'late' }] }));
    expect(count(decisions.map(({ reason }) => reason))).toEqual(new Map([['policy', 300]]));
    for (const { arm, propensity } of decisions) {
      expect(arm).not.toBe('b');
      expect(propensity).toBeCloseTo(1 / 2, 12);
    }
  });
});

describe('a guard that throws', () => {
  test.each(['narrows', 'judges', 'assigns'])('is named, and not the policy: one that %s', async (kind) => {
    const node = await deciding({ guards: [{ kind }] });
    const decision = node.decide('p', { unit: 'u' });
    expect(decision).toMatchObject({ arm: 'a', reason: 'error' });
    expect(decision.trail.at(-1)).toEqual({ guard: 'own', kind: 'block', why: 'it is broken' });
    expect(node.nodes()[0].refused).toMatchObject({ guard_failed: 1 });
  });
});
