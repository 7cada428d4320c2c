import { describe, expect, it, test } from 'vitest';
import type { Moments } from '../learners/moments.ts';
import type { Product } from '../learners/product.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Outcome, Policy } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { stream } from '../stats/random.ts';
import { me as by, congruential, handNode } from '../testing/hand-node.ts';
import type { ConstrainedView } from './constrained.ts';
import { policies } from './index.ts';
import { underObjective } from './objective.ts';
import { everyArm } from './thompson.ts';

type Constrained = Policy<Product, ConstrainedView> &
  Required<Pick<Policy<Product, ConstrainedView>, 'restrict'>>;
type Options = Readonly<Record<string, unknown>>;

const point = (ids: readonly string[]): FactoryInput => ({
  point: 'p',
  arms: ids.map((id) => ({ id })),
  fields: [],
  range: [0, 1],
  path: 'objective',
  policies,
});
const make = (constraint: Options, ids: readonly string[], weights?: Options): Constrained => {
  const split = policies.split({ kind: 'split', ...(weights && { weights }) }, point(ids));
  return underObjective(split, { constraints: [constraint] }, point(ids)) as unknown as Constrained;
};
const seen = (policy: Constrained, ids: readonly string[], own: Product, trusted?: string) =>
  policy.view(
    own,
    policy.evidence.zero(),
    {
      arms: ids.map((id) => ({ id, key: `${id}#0` })),
      nowMs: 0,
      baseline: trusted === undefined ? undefined : Float64Array.from(ids, (id) => (id === trusted ? 1 : 0)),
      margin: 0,
      seed: 0,
    },
    undefined,
  );
const outcome = (ids: readonly string[], arm: number, error: number): Outcome => ({
  arm,
  armKey: `${ids[arm]}#0`,
  reward: 1,
  propensity: 1,
  weight: 1,
  sign: 1,
  atMs: 0,
  context: new Float64Array(0),
  metrics: { error },
});
/** Evidence of `n` outcomes an arm, of which so many were errors. */
const having = (
  policy: Constrained,
  ids: readonly string[],
  counts: readonly (readonly [number, number])[],
) => {
  let own = policy.evidence.zero();
  counts.forEach(([n, errors], arm) => {
    for (let i = 0; i < n; i++) own = policy.learn(own, outcome(ids, arm, i < errors ? 1 : 0));
  });
  return own;
};
const propose = (policy: Constrained, view: ConstrainedView, arms: number) => {
  const out = { p: new Float64Array(arms), confidence: 0 };
  policy.propose(view, everyArm(arms), out);
  return [...out.p];
};
const all = (arms: number) => new Uint8Array(arms).fill(1);

describe('a constraint', () => {
  const ids = ['a', 'b', 'c'];
  const constraint = { metric: 'error', max: 0.1 };

  it('withholds an arm that surely breaks its bound, with the reason, and no other', () => {
    const policy = make(constraint, ids);
    const view = seen(
      policy,
      ids,
      having(policy, ids, [
        [400, 4],
        [400, 100],
        [20, 3],
      ]),
    );
    const verdict = policy.restrict(view, all(3), 3);
    expect(verdict).toMatchObject({ kind: 'restrict', guard: 'constraint' });
    expect([...(verdict.exclude ?? [])]).toEqual([0, 1, 0]);
    expect(verdict.why).toMatch(/^error of b is at least 0\.1\d+, bound 0\.1$/);
    expect(policy.restrict(view, all(3), 3)).toBe(verdict);
    expect(view.estimates.map(([each]) => each.state)).toEqual(['met', 'violated', 'unknown']);
  });

  it('leaves the least of them where all that is allowed violate', () => {
    const policy = make(constraint, ids);
    const view = seen(
      policy,
      ids,
      having(policy, ids, [
        [400, 200],
        [400, 100],
        [400, 4],
      ]),
    );
    const verdict = policy.restrict(view, Uint8Array.of(1, 1, 0), 3);
    expect([...(verdict.exclude ?? [])]).toEqual([1, 0, 1]);
    expect(verdict.why).toContain('the least of them serves');
  });

  it('gives arms not known yet the declared share at most, and the rest to those that hold it', () => {
    const policy = make({ ...constraint, explore: '6%' }, ids, { a: 1, b: 7, c: 2 });
    const view = seen(
      policy,
      ids,
      having(policy, ids, [
        [400, 4],
        [3, 0],
        [3, 1],
      ]),
    );
    // b and c wanted 0.7 and 0.2: together 0.06 now, in proportion.
    expect(propose(policy, view, 3)).toEqual(
      [0.94, (0.06 * 7) / 9, (0.06 * 2) / 9].map((each) => expect.closeTo(each, 12)),
    );
  });

  it('trusts the baseline until it knows better, and caps nobody while no arm holds it', () => {
    const policy = make({ ...constraint, explore: '6%' }, ids);
    const none = policy.evidence.zero();
    expect(propose(policy, seen(policy, ids, none), 3)[0]).toBeCloseTo(1 / 3, 12);
    expect(propose(policy, seen(policy, ids, none, 'a'), 3)[0]).toBeCloseTo(0.94, 12);
    const bad = having(policy, ids, [[400, 200]]);
    expect(seen(policy, ids, bad, 'a').state[0]).toBe(2);
  });

  it('may be a least: min withholds what stays below', () => {
    const policy = make({ metric: 'error', min: 0.9 }, ids);
    const view = seen(
      policy,
      ids,
      having(policy, ids, [
        [400, 396],
        [400, 200],
      ]),
    );
    expect(view.estimates.slice(0, 2).map(([each]) => each.state)).toEqual(['met', 'violated']);
  });

  test('arms exactly at the bound are ever withheld in at most 5 % of histories, however often one looks', () => {
    const two = ['a', 'b'];
    const policy = make({ ...constraint, alpha: 0.05 }, two);
    let wrong = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = stream(seed);
      let own = policy.evidence.zero();
      let ever = false;
      for (let t = 0; t < 400 && !ever; t++) {
        own = policy.learn(own, outcome(two, t % 2, random.next() < 0.1 ? 1 : 0));
        if (t % 5 === 0) ever = seen(policy, two, own).state.includes(2);
      }
      if (ever) wrong++;
    }
    expect(wrong / 200).toBeLessThanOrEqual(0.05);
  });
});

describe('more clicks cannot hide more complaints', () => {
  const start = () => handNode({ chance: congruential(7) });
  const spec = {
    point: 'mail',
    arms: ['plain', 'lurid'],
    fallback: 'plain',
    policy: { kind: 'thompson' },
    objective: { click: 1, constraints: [{ metric: 'complaint', max: 0.05, explore: 0.3 }] },
  };

  test('the arm with more clicks loses all its traffic once its complaints are known; without the constraint it wins', async () => {
    const shares: number[] = [];
    for (const constrainedToo of [true, false]) {
      const node = await start();
      const objective = constrainedToo ? spec.objective : { click: 1 };
      await node.apply({ ...spec, objective }, by);
      const random = stream(11);
      let lurid = 0;
      for (let i = 0; i < 1500; i++) {
        node.hand.ms += 10;
        const { id, arm } = node.decide('mail', { unit: `u${i}` });
        const isLurid = arm === 'lurid';
        if (i >= 1300 && isLurid) lurid++;
        const click = random.next() < (isLurid ? 0.4 : 0.2) ? 1 : 0;
        const complaint = random.next() < (isLurid ? 0.2 : 0.01) ? 1 : 0;
        await node.feedback([{ id, metrics: { click, complaint } }]);
      }
      shares.push(lurid / 200);
      if (!constrainedToo) continue;
      expect(node.decide('mail').trail).toContainEqual(
        expect.objectContaining({ guard: 'constraint', why: expect.stringContaining('complaint of lurid') }),
      );
      const report = node.report('mail').constraints?.find(({ arm }) => arm === 'lurid');
      expect(report).toMatchObject({ metric: 'complaint', max: 0.05, state: 'violated' });
    }
    expect(shares[0]).toBe(0);
    expect(shares[1]).toBeGreaterThan(0.9);
  });

  test('an outcome waits for the constrained metric, and a correction of that metric alone is learned', async () => {
    const node = await start();
    await node.apply(spec, by);
    const { id } = node.decide('mail');
    await node.feedback([{ id, metrics: { click: 1 } }]);
    expect(node.report('mail').outcomes).toBe(0);
    await node.feedback([{ id, metrics: { complaint: 0 } }]);
    expect(node.report('mail').outcomes).toBe(1);
    await node.feedback([{ id, metrics: { complaint: 1 }, revision: 1 }]);
    await node.apply({ ...spec, description: 'a new view' }, by);
    const known = node.report('mail').constraints?.find(({ n }) => n > 0);
    expect(known?.mean).toBe(1);
    expect(node.report('mail').outcomes).toBe(1);
  });

  test('an arm that alone is left is certain: its propensity is exactly 1', async () => {
    const arms = ['a', 'b', 'c', 'd', 'e'];
    const node = await start();
    await node.apply({ ...spec, arms, fallback: 'a' }, by);
    const random = stream(5);
    const certain: (number | null)[] = [];
    for (let i = 0; i < 400; i++) {
      node.hand.ms += 100;
      const { id } = node.decide('mail', { unit: `u${i}` });
      await node.feedback([{ id, metrics: { click: random.next() < 0.3 ? 1 : 0, complaint: 0 } }]);
      const only = node.decide('mail', { exclude: arms.filter((_, a) => a !== i % 5) });
      expect(only.arm).toBe(arms[i % 5]);
      certain.push(only.propensity);
    }
    expect(new Set(certain)).toEqual(new Set([1]));
  });

  test('a bound can be moved without forgetting', async () => {
    const node = await start();
    await node.apply(spec, by);
    const { id } = node.decide('mail');
    await node.feedback([{ id, metrics: { click: 1, complaint: 0 } }]);
    const stricter = [{ ...spec.objective.constraints[0], max: 0.01 }];
    await node.apply({ ...spec, objective: { click: 1, constraints: stricter } }, by);
    expect(node.report('mail').pooled.ownOutcomes).toBe(1);
  });
});

describe('own evidence', () => {
  const fields = Array.from({ length: 60 }, (_, i) => ({
    name: `x${i}`,
    type: 'number' as const,
    min: 0,
    max: 1,
  }));
  const wide = (ids: readonly string[]): Constrained => {
    const input = { ...point(ids), fields };
    const inner = policies['linear-thompson']({ kind: 'linear-thompson', halfLife: '1d' }, input);
    return underObjective(
      inner,
      { constraints: [{ metric: 'error', max: 0.1 }] },
      input,
    ) as unknown as Constrained;
  };

  test('of a wide model under constraints is never refused: not while arms come and go, nor by its bytes', () => {
    const ids = ['a', 'b', 'c'];
    const policy = wide(ids);
    const context = Float64Array.from(fields, (_, i) => i / 60);
    let own = policy.evidence.zero();
    for (let generation = 0; generation < 100; generation++)
      for (const id of ids)
        own = policy.learn(own, {
          ...outcome(ids, 0, 0),
          armKey: `${id}#${generation}`,
          atMs: generation * 86_400_000,
          context,
        });
    const bytes = policy.evidence.encode(own);
    expect(bytes.length).toBeLessThanOrEqual(DEFAULT_LIMITS.evidenceBytes);
    const back = policy.evidence.decode(bytes, DEFAULT_LIMITS);
    expect(policy.evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
    expect(policy.evidence.validate(back, DEFAULT_LIMITS)).toBeUndefined();
    expect(policy.evidence.outcomes(back)).toBe(300);
    expect((back.parts[1] as Moments).arms.has('a#99')).toBe(true);
  });
});

describe('bad constraints', () => {
  test.each([
    ['no bound', { metric: 'error' }, 'objective.constraints[0]'],
    ['two bounds', { metric: 'error', min: 0, max: 1 }, 'objective.constraints[0]'],
    ['a bound outside the range', { metric: 'error', max: 2 }, 'objective.constraints[0].max'],
    ['a range the wrong way round', { metric: 'x', max: 2, range: [3, 1] }, 'objective.constraints[0].range'],
    ['no metric', { max: 1 }, 'objective.constraints[0].metric'],
    ['a word nobody knows', { metric: 'x', max: 1, most: 3 }, 'objective.constraints[0].most'],
  ])('%s is refused by name', (_, constraint, field) => {
    expect(() => make(constraint, ['a', 'b'])).toThrow(expect.objectContaining({ field }));
  });
});
