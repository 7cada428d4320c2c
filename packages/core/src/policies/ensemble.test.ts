import { describe, expect, it, test } from 'vitest';
import type { Product } from '../learners/product.ts';
import type { Outcome, Policy, PolicyInput, Proposal } from '../policy.ts';
import { standard } from '../presets/standard.ts';
import { type Factory, type FactoryInput, mergeRegistries } from '../registry.ts';
import { type Stream, stream } from '../stats/random.ts';
import { me as by, congruential, handNode } from '../testing/hand-node.ts';
import { type EnsembleView, ensemble } from './ensemble.ts';
import { policies } from './index.ts';
import { everyArm } from './thompson.ts';
import { unlearned } from './unlearned.ts';

type Ensemble = Required<Pick<Policy<Product, EnsembleView>, 'note' | 'describeMembers'>> &
  Policy<Product, EnsembleView>;
type Options = Readonly<Record<string, unknown>>;

/** Members that cannot be relied on: one throws, one proposes nonsense, one cannot make its view. */
const broken = (name: string, change: Partial<Policy<never, never>>): Factory<Policy> => {
  return (_, input) => ({ ...unlearned(name, input, () => {}), ...change }) as unknown as Policy;
};
const fail = (): never => {
  throw new Error('broken');
};
const unreliable = {
  throws: broken('throws/1', { propose: fail }),
  nonsense: broken('nonsense/1', { propose: (_view, _at, out) => void out.p.fill(Number.NaN) }),
  blind: broken('blind/1', { view: fail }),
  dull: broken('dull/1', { learn: fail }),
};

const point = (
  ids: readonly string[],
  fields: FactoryInput['fields'] = [],
  range: readonly [number, number] = [0, 1],
): FactoryInput => ({
  point: 'p',
  arms: ids.map((id) => ({ id })),
  fields,
  range,
  path: 'policy',
  policies: { ...policies, ...unreliable },
});
const make = (options: Options, input: FactoryInput) =>
  ensemble({ kind: 'ensemble', ...options }, input) as unknown as Ensemble;
const keys = (input: FactoryInput) => input.arms.map(({ id }) => ({ id, key: `${id}#0` }));
const view = (policy: Ensemble, own: Product, input: FactoryInput, previous?: EnsembleView, nowMs = 0) =>
  policy.view(
    own,
    policy.evidence.zero(),
    { arms: keys(input), nowMs, baseline: undefined, margin: 0, seed: 1 },
    previous,
  );
const propose = (
  policy: Ensemble,
  seen: EnsembleView,
  arms: number,
  change: Partial<PolicyInput> = {},
): Proposal => {
  const out = { p: new Float64Array(arms), confidence: 0 };
  policy.propose(seen, { ...everyArm(arms), ...change }, out);
  return out;
};
const outcome = (arm: number, id: string, change: Partial<Outcome>): Outcome => ({
  arm,
  armKey: `${id}#0`,
  reward: 0,
  propensity: 1,
  weight: 1,
  sign: 1,
  atMs: 0,
  context: new Float64Array(0),
  metrics: {},
  ...change,
});
const fixed = (arm: string, change: Options = {}) => ({
  kind: 'fixed',
  name: `always-${arm}`,
  arm,
  ...change,
});

describe('the vote', () => {
  const input = point(['a', 'b', 'c']);

  it('proposes the mixture of its members: two thirds a, and the third of the other split evenly', () => {
    const policy = make({ members: [fixed('a', { weight: 2 }), { kind: 'split' }], floor: 0.001 }, input);
    const { p } = propose(policy, view(policy, policy.evidence.zero(), input), 3);
    // (1 − floor) · (2/3, 1/3) + floor / 2 each.
    const [w, v] = [0.999 * (2 / 3) + 0.0005, 0.999 / 3 + 0.0005];
    expect([...p]).toEqual([w + v / 3, v / 3, v / 3].map((each) => expect.closeTo(each, 12)));
  });

  it('values each member without bias: over every arm that could be drawn, the estimate averages to its true value', () => {
    const policy = make({ members: [fixed('a'), { kind: 'split', weights: { a: 1, b: 2, c: 5 } }] }, input);
    const worth = [0.9, 0.5, 0.2];
    const seen = view(policy, policy.evidence.zero(), input);
    const { p } = propose(policy, seen, 3);
    // Every arm as often as it is drawn: weight p over one outcome each.
    const own = worth.reduce((all, reward, arm) => {
      propose(policy, seen, 3);
      const noted = policy.note(seen, arm);
      return policy.learn(
        all,
        outcome(arm, 'abc'[arm], { reward, propensity: p[arm], weight: p[arm], noted }),
      );
    }, policy.evidence.zero());
    const [always, split] = policy.describeMembers(view(policy, own, input));
    expect(always.mean).toBeCloseTo(0.9, 12);
    expect(split.mean).toBeCloseTo((0.9 + 2 * 0.5 + 5 * 0.2) / 8, 12);
  });

  it('weighs by exponential weights: with rate η and gains G about the mean, w ∝ exp(ηG)', () => {
    const policy = make({ members: [fixed('a'), fixed('b')], rate: 0.3, floor: 0.001 }, input);
    let own = policy.evidence.zero();
    // Ten outcomes each, drawn evenly: ratio 2 for the member whose arm it was.
    for (let i = 0; i < 10; i++) {
      own = policy.learn(own, outcome(0, 'a', { reward: 0.8, propensity: 0.5, noted: [1, 0] }));
      own = policy.learn(own, outcome(1, 'b', { reward: 0.4, propensity: 0.5, noted: [0, 1] }));
    }
    // Mean 0.6: G = 10 · 2 · (0.8 − 0.6) = 4 and −4.
    const odds = Math.exp(0.3 * 8);
    const [a, b] = policy.describeMembers(view(policy, own, input));
    expect(a.weight).toBeCloseTo((0.999 * odds) / (1 + odds) + 0.0005, 12);
    expect(a.weight + b.weight).toBeCloseTo(1, 12);
  });

  it('is as sure as its members agree: 1 − Σ w·TV(member, mixture)', () => {
    const policy = make({ members: [fixed('a'), fixed('b'), fixed('a', { name: 'too' })] }, input);
    const empty = view(policy, policy.evidence.zero(), input);
    expect(propose(policy, empty, 3).confidence).toBeNaN();
    const own = policy.learn(
      policy.evidence.zero(),
      outcome(2, 'c', { reward: 0.5, propensity: 0.1, noted: [0, 0, 0] }),
    );
    // Weights a third each; mixture (2/3, 1/3): TV is 1/3 for the two and 2/3 for the other.
    const said = propose(policy, view(policy, own, input), 3);
    expect(said.confidence).toBeCloseTo(1 - (2 * (1 / 3) + 2 / 3) / 3, 12);
  });

  it('shows how alike members propose: 1 for twins, −1 for opposites, null beside an even one', () => {
    const two = point(['a', 'b']);
    const members = [fixed('a'), fixed('a', { name: 'twin' }), fixed('b'), { kind: 'split' }];
    const policy = make({ members }, two);
    const seen = view(policy, policy.evidence.zero(), two);
    for (let i = 0; i < 5; i++) {
      propose(policy, seen, 2);
      policy.note(seen, 0);
    }
    const [first] = policy.describeMembers(seen);
    expect(first.correlation).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(1, 12),
      expect.closeTo(-1, 12),
      null,
    ]);
  });
});

/** Plays rounds and returns the mean reward by quarter; views are rebuilt every 16 outcomes. */
function play(
  options: Options,
  input: FactoryInput,
  rounds: number,
  random: Stream,
  rewardOf: (arm: number, context: Float64Array, round: number) => number,
): readonly number[] {
  const policy = make(options, input);
  const arms = input.arms.length;
  let own = policy.evidence.zero();
  let seen = view(policy, own, input);
  const quarters = [0, 0, 0, 0];
  for (let t = 0; t < rounds; t++) {
    if (t % 16 === 0) seen = view(policy, own, input, seen, t);
    const context = Float64Array.from(input.fields, () => random.integer(arms));
    const { p } = propose(policy, seen, arms, { context });
    let arm = 0;
    for (let u = random.next() - p[0]; u >= 0 && arm < arms - 1; ) u -= p[++arm];
    const reward = random.next() < rewardOf(arm, context, t) ? 1 : 0;
    quarters[Math.floor((4 * t) / rounds)] += (4 * reward) / rounds;
    own = policy.learn(
      own,
      outcome(arm, input.arms[arm].id, {
        reward,
        propensity: p[arm],
        noted: policy.note(seen, arm),
        context,
        atMs: t,
      }),
    );
  }
  return quarters;
}

describe('learning who is right', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const rounds = 4000;
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

  test('regret to the best member stays below the bound of EXP4, 2√(T·K·ln M), on 20 seeds', () => {
    const members = ids.map((id) => fixed(id));
    const worth = [0.5, 0.45, 0.4, 0.6];
    const regrets = seeds.map(
      (seed) =>
        rounds * (0.6 - mean(play({ members }, point(ids), rounds, stream(seed), (arm) => worth[arm]))),
    );
    const bound = 2 * Math.sqrt(rounds * 4 * Math.log(4));
    expect(mean(regrets)).toBeLessThan(bound);
    for (const regret of regrets) expect(regret).toBeLessThan(1.5 * bound);
    // And it has found it, where an even vote would lose 0.11 a round.
    expect(mean(regrets) / rounds).toBeLessThan(0.06);
  });

  test('a member that reads the context beats one that cannot, and gets the vote', () => {
    const fields = [{ name: 'mood', type: 'category' as const, values: ids }];
    const rules = [...ids.map((id) => ({ when: { mood: id }, arm: id })), { arm: 'a' }];
    const members = [{ kind: 'thompson' }, { kind: 'rules', rules }];
    const last = seeds
      .slice(0, 8)
      .map(
        (seed) =>
          play({ members }, point(ids, fields), rounds, stream(seed), (arm, [mood]) =>
            arm === mood ? 0.8 : 0.3,
          )[3],
      );
    // Alone, Thompson earns 0.3 + 0.5 / 4 whatever it does.
    expect(mean(last)).toBeGreaterThan(0.76);
  });

  test('a member that goes bad loses the vote within some half-lives, and the rest recovers', () => {
    const members = [fixed('a'), fixed('b')];
    const worth = (arm: number, _: unknown, t: number) => (arm === (t < rounds / 2 ? 0 : 1) ? 0.8 : 0.2);
    const last = (options: Options) =>
      mean(
        seeds
          .slice(0, 8)
          .map((seed) => play({ members, ...options }, point(['a', 'b']), rounds, stream(seed), worth)[3]),
      );
    expect(last({ halfLife: 1000, rate: 0.02 })).toBeGreaterThan(0.76);
    // Without forgetting the past outweighs it.
    expect(last({ rate: 0.02 })).toBeLessThan(0.6);
  });
});

describe('members that fail', () => {
  const input = point(['a', 'b']);
  const members = [fixed('a'), { kind: 'throws' }, { kind: 'nonsense' }, { kind: 'blind' }, { kind: 'dull' }];
  const policy = make({ members: members.slice(0, 4) }, input);

  test('are left out of the mixture and counted, and the rest serves', () => {
    const seen = view(policy, policy.evidence.zero(), input);
    expect([...propose(policy, seen, 2).p]).toEqual([1, 0]);
    expect(policy.describeMembers(seen).map((each) => each.failures)).toEqual([0, 1, 1, 1]);
    expect(policy.note(seen, 0)).toEqual([1, -1, -1, -1]);
  });

  test('what a member cannot learn, the others do, and the vote counts it', () => {
    const mixed = make({ members: [members[0], members[4]] }, input);
    const own = mixed.learn(mixed.evidence.zero(), outcome(0, 'a', { reward: 1, noted: [1, -1] }));
    expect(mixed.describeMembers(view(mixed, own, input)).map((each) => each.learned)).toEqual([1, 0]);
    expect(mixed.evidence.outcomes(own)).toBe(1);
  });

  test('when none answers, the point serves its fallback and says so', async () => {
    const registry = mergeRegistries(standard, { policies: unreliable, guards: {} });
    const node = await handNode({ registry, chance: { uint32: () => 5 } });
    const spec = { point: 'p', arms: ['a', 'b'], fallback: 'b' };
    const hopeless = { kind: 'ensemble', members: [{ kind: 'throws' }, { kind: 'nonsense' }] };
    await node.apply({ ...spec, policy: hopeless }, by);
    expect(node.decide('p')).toMatchObject({ arm: 'b', reason: 'error', propensity: 1 });
  });
});

describe('members that are killed', () => {
  const start = async () => {
    const node = await handNode({ chance: congruential(7) });
    const policy = { kind: 'ensemble', members: [fixed('a'), fixed('b')] };
    await node.apply({ point: 'p', arms: ['a', 'b', 'c'], fallback: 'c', policy }, by);
    return node;
  };

  test('are not asked; what they learned and the others stay', async () => {
    const node = await start();
    await node.kill({ scope: 'artifact:always-a', reason: 'looks wrong', by });
    const decision = node.decide('p');
    expect(decision).toMatchObject({ arm: 'b', propensity: 1, reason: 'policy' });
    expect(decision.trail[0].why).toContain('member artifact:always-a: looks wrong');
    expect(node.report('p').members?.map(({ member, stopped }) => [member, stopped])).toEqual([
      ['always-a', true],
      ['always-b', false],
    ]);
    await node.revive({ scope: 'artifact:always-a', reason: 'was right', by });
    expect(node.decide('p').propensity).toBeCloseTo(0.5, 12);
  });

  test('with the last one the point is killed, and serves its fallback', async () => {
    const node = await start();
    await node.kill({ scope: 'artifact:always-a', reason: 'stop', by });
    await node.kill({ scope: 'artifact:always-b', reason: 'stop', by });
    expect(node.decide('p')).toMatchObject({ arm: 'c', reason: 'killed' });
  });
});

describe('bad declarations', () => {
  const input = point(['a', 'b']);
  test.each([
    ['one member only', { members: [fixed('a')] }, 'policy.members'],
    ['twins without names', { members: [{ kind: 'split' }, { kind: 'split' }] }, 'policy.members[1].name'],
    ['an unknown kind', { members: [fixed('a'), { kind: 'nope' }] }, 'policy.members[1].kind'],
    [
      'an option that nobody reads',
      { members: [fixed('a'), { kind: 'split', wieghts: {} }] },
      'policy.members[1].wieghts',
    ],
    [
      'an ensemble in an ensemble',
      { members: [fixed('a'), { kind: 'ensemble', members: [fixed('a'), fixed('b')] }] },
      'policy.members[1].kind',
    ],
  ])('%s is refused by name', (_, options, field) => {
    expect(() => make(options, input)).toThrow(expect.objectContaining({ field }));
  });
});
