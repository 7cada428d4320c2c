import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { type Kernels, placeOf, type Rectangle, scalarKernels } from '../kernels.ts';
import type { Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { type Stream, stream } from '../stats/random.ts';
import { type BankView, linearThompson } from './linear-thompson.ts';

const fields: FactoryInput['fields'] = ['u', 'v', 'w'].map((name) => ({
  name,
  type: 'number' as const,
  min: -1,
  max: 1,
  required: true,
}));

/** Kernels whose tables can be read. */
const tables = new Map<Rectangle, Float64Array>();
const kernels: Kernels = open(scalarKernels());

function open(plain: Kernels): Kernels {
  const rectangle: Kernels['rectangle'] = (numbers, columns) => {
    const table = plain.rectangle(numbers, columns);
    tables.set(table, numbers);
    return table;
  };
  return { ...plain, rectangle };
}

function pointOf(ids: readonly string[]): FactoryInput {
  return { point: 'p', arms: ids.map((id) => ({ id })), fields, range: [0, 1], path: 'policy', kernels };
}

function viewInput(ids: readonly string[], seed: number, baseline?: Float64Array): ViewInput {
  return { arms: ids.map((id) => ({ id, key: `${id}#0` })), nowMs: 0, baseline, margin: 0, seed };
}

function inputOf(arms: number, context: Float64Array, allowed?: Uint8Array): PolicyInput {
  const mask = allowed ?? new Uint8Array(arms).fill(1);
  return {
    arms,
    allowed: mask,
    allowedCount: mask.reduce((sum, one) => sum + one, 0),
    context,
    inflight: new Int32Array(arms),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
}

const contextOf = (random: Stream): Float64Array => Float64Array.from(fields, () => 2 * random.next() - 1);

/** Teaches `n` outcomes: arm a pays where feature a is high. */
function taught(policy: Policy, ids: readonly string[], n: number, random: Stream): unknown {
  let own = policy.evidence.zero();
  for (let i = 0; i < n; i++) {
    const arm = random.integer(ids.length);
    const context = contextOf(random);
    const reward = random.next() < 0.5 + 0.4 * context[arm % 3] ? 1 : 0;
    own = policy.learn(own, {
      arm,
      armKey: `${ids[arm]}#0`,
      reward,
      propensity: 1 / ids.length,
      weight: 1,
      sign: 1,
      atMs: 0,
      context,
      metrics: {},
    });
  }
  return own;
}

function proposed(policy: Policy, view: unknown, input: PolicyInput): Proposal {
  const out = { p: new Float64Array(input.arms), confidence: Number.NaN };
  policy.propose(view, input, out);
  return out;
}

/** The vote by its definition: every member rates every allowed arm. */
function votes(view: BankView, input: PolicyInput): number[] {
  const x = [1, ...input.context];
  const d = x.length;
  const p = new Array<number>(input.arms).fill(0);
  for (let m = 0; m < view.members; m++) {
    const scores = p.map((_, a) => {
      if (input.allowed[a] === 0) return -Infinity;
      const pair = m % (view.members / 2);
      const sign = m === pair ? 1 : -1;
      const bank = tables.get(view.bank)!;
      const row = a * view.stride + pair;
      const { theta } = view.reading.posteriors[a];
      return x.reduce((sum, value, i) => sum + value * (theta[i] + sign * bank[placeOf(row, i, d)]), 0);
    });
    p[scores.indexOf(Math.max(...scores))] += 1 / view.members;
  }
  return p;
}

describe('linear Thompson sampling', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const policy = linearThompson({ kind: 'linear-thompson' }, pointOf(ids));

  it('proposes exactly the share of members that rate an arm highest, whatever it left out for speed', () => {
    const random = stream(1);
    for (const n of [0, 3, 50, 1000, 20_000]) {
      const own = taught(policy, ids, n, random);
      const baseline = n % 2 === 0 ? undefined : Float64Array.of(0, 1, 0, 0, 0);
      const view = policy.view(
        own,
        policy.evidence.zero(),
        viewInput(ids, n, baseline),
        undefined,
      ) as BankView;
      for (let i = 0; i < 200; i++) {
        const allowed = Uint8Array.from(ids, () => random.integer(2));
        allowed[random.integer(5)] = 1;
        const input = inputOf(5, contextOf(random), allowed);
        const expected = votes(view, input);
        expect([...proposed(policy, view, input).p]).toEqual(expected.map((p) => expect.closeTo(p, 12)));
      }
    }
  });

  it('over many versions proposes what the exact posterior says of two arms', () => {
    const random = stream(2);
    const two = ['a', 'b'];
    const many = linearThompson({ kind: 'linear-thompson', members: 64 }, pointOf(two));
    const own = taught(many, two, 60, random);
    const context = Float64Array.of(0.3, 0.2, -0.5);
    let sum = 0;
    let wins = 0;
    const versions = 300;
    for (let seed = 0; seed < versions; seed++) {
      const view = many.view(own, many.evidence.zero(), viewInput(two, seed), undefined) as BankView;
      sum += proposed(many, view, inputOf(2, context)).p[0];
      // The posteriors' own words: normals given σ², drawn here by another stream.
      const { posteriors } = view.reading;
      const draw = posteriors.map(({ theta, half, shape, rate }) => {
        const x = [1, ...context];
        let square = 0;
        for (let i = 0, at = 0; i < 4; i++) {
          let z = 0;
          for (let j = 0; j <= i; j++) z += half[at++] * x[j];
          square += z * z;
        }
        return {
          mean: theta.reduce((total, value, i) => total + value * x[i], 0),
          spread: () => Math.sqrt((square * rate) / random.gamma(shape)) * random.normal(),
        };
      });
      for (let k = 0; k < 64; k++)
        if (draw[0].mean + draw[0].spread() > draw[1].mean + draw[1].spread()) wins++;
    }
    const [share, exact] = [sum / versions, wins / versions / 64];
    expect(Math.abs(share - exact)).toBeLessThan(5 * Math.sqrt((2 * 0.25) / (versions * 64)));
  });

  it('finds the arm that this context is for, and says how sure it is', () => {
    const baseline = Float64Array.of(0, 1, 0, 0, 0);
    const own = taught(policy, ids, 5000, stream(3));
    const view = policy.view(own, policy.evidence.zero(), viewInput(ids, 1, baseline), undefined);
    const forA = proposed(policy, view, inputOf(5, Float64Array.of(1, -1, -1)));
    expect(forA.p[0] + forA.p[3]).toBeGreaterThan(0.99);
    expect(forA.confidence).toBeGreaterThan(0.95);
    const forB = proposed(policy, view, inputOf(5, Float64Array.of(-1, 1, -1)));
    expect(forB.p[1] + forB.p[4]).toBeGreaterThan(0.99);
    const estimates = policy.describe!(view, 5);
    for (const { allocation, mean, low, high, n } of estimates) {
      expect(allocation).toBeNull();
      // In the average context every arm pays half of the time.
      expect(mean!).toBeCloseTo(0.5, 1);
      expect(low!).toBeLessThan(mean!);
      expect(high!).toBeGreaterThan(mean!);
      expect(n).toBeGreaterThan(900);
    }
  });

  it('does not know how sure it is before the arms in question were tried', () => {
    const own = taught(policy, ids.slice(0, 2), 50, stream(4));
    const baseline = Float64Array.of(0, 0, 0, 0, 1);
    const view = policy.view(own, policy.evidence.zero(), viewInput(ids, 1, baseline), undefined);
    expect(proposed(policy, view, inputOf(5, Float64Array.of(0, 0, 0))).confidence).toBeNaN();
  });

  it('with features of the arms, one model rates arms that were never tried', () => {
    const arms = ['cheap', 'dear', 'new'].map((id, i) => ({ id, features: { price: [0, 10, 1][i] } }));
    const input: FactoryInput = { ...pointOf([]), arms, fields: [] };
    const declared = { price: { type: 'number', min: 0, max: 10 } };
    const shared = linearThompson({ kind: 'linear-thompson', armFeatures: declared }, input);
    let own = shared.evidence.zero();
    for (let i = 0; i < 400; i++)
      own = shared.learn(own, {
        arm: i % 2,
        armKey: `${arms[i % 2].id}#0`,
        reward: i % 2 === 0 ? 0.9 : 0.2,
        propensity: 0.5,
        weight: 1,
        sign: 1,
        atMs: 0,
        context: new Float64Array(0),
        metrics: {},
      });
    const at = { ...viewInput([], 1), arms: arms.map((arm) => ({ ...arm, key: `${arm.id}#0` })) };
    const view = shared.view(own, shared.evidence.zero(), at, undefined);
    const allowed = Uint8Array.of(0, 1, 1);
    expect(proposed(shared, view, inputOf(3, new Float64Array(0), allowed)).p[2]).toBe(1);
    expect(shared.describe!(view, 3).map(({ mean }) => Number(mean!.toFixed(1)))).toEqual([0.9, 0.2, 0.8]);
  });

  it('a point whose evidence could not be sent is refused when it is defined', () => {
    const wide: FactoryInput['fields'] = [{ name: 'page', type: 'category', buckets: 200 }];
    const many = Array.from({ length: 50 }, (_, i) => ({ id: `arm-${i}` }));
    try {
      linearThompson({ kind: 'linear-thompson' }, { ...pointOf([]), arms: many, fields: wide });
      expect.unreachable();
    } catch (error) {
      expect(isGanglionError(error, 'invalid_spec') && error.mend).toContain('armFeatures');
    }
  });
});
