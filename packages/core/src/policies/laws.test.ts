import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Count } from '../learners/count.ts';
import type { Moments } from '../learners/moments.ts';
import type { Product } from '../learners/product.ts';
import type { Transitions } from '../learners/transitions.ts';
import { parseDuration } from '../options.ts';
import { type FactoryInput, resolveKind } from '../registry.ts';
import { stream } from '../stats/random.ts';
import { linearDifference } from '../testing/linear-subject.ts';
import { metricsDifference } from '../testing/metrics-subject.ts';
import { momentsDifference } from '../testing/moments-subject.ts';
import { type PolicySubject, policyLaws } from '../testing/policy-laws.ts';
import { transitionsDifference } from '../testing/transitions-subject.ts';
import { policies } from './index.ts';
import { underObjective } from './objective.ts';
import { slated } from './slated.ts';

type Row = { readonly kind: string; readonly [option: string]: unknown };

const fields: FactoryInput['fields'] = [
  { name: 'load', type: 'number' },
  { name: 'region', type: 'category', values: ['eu', 'us'] },
  { name: 'paying', type: 'boolean' },
];

const scaled: FactoryInput['fields'] = [
  { name: 'load', type: 'number', min: -100, max: 200 },
  { name: 'hour', type: 'number', mean: 12, sd: 6, required: true },
  { name: 'region', type: 'category', values: ['eu', 'us'], buckets: 2 },
  { name: 'paying', type: 'boolean' },
];
const joint = {
  armFeatures: { price: { type: 'number', min: 0, max: 9 }, genre: { type: 'category', values: ['news'] } },
  interactions: [
    ['region', 'genre'],
    ['load', 'load'],
    ['hour', 'price'],
  ],
};

const ended: PolicySubject['metrics'] = (s) => ({ done: s.integer(2) });

/** One row a policy: a new one is held to all laws by being listed. */
const rows: readonly (readonly [Row, Omit<PolicySubject, 'make' | 'differ'>?])[] = [
  [{ kind: 'fixed', arm: 'b' }],
  [
    {
      kind: 'rules',
      rules: [
        { when: { load: { min: 10, max: 90 }, region: 'eu' }, arm: 'a' },
        { when: { region: ['eu', 'us'], paying: true }, arm: 'b' },
        { arm: 'a' },
      ],
    },
    { fields },
  ],
  [{ kind: 'split' }],
  [{ kind: 'round-robin' }],
  [{ kind: 'epsilon-greedy', epsilon: '5%', halfLife: '1m' }],
  [{ kind: 'epsilon-greedy', epsilon: 0, prior: { a: { mean: 0.5, n: 10 } } }, { range: [-2, 1] }],
  [{ kind: 'thompson' }],
  [
    { kind: 'thompson', reward: 'bernoulli', halfLife: '30s', prior: { b: { mean: -1, n: 30 } } },
    { range: [-2, 1] },
  ],
  [{ kind: 'thompson', reward: 'gaussian', halfLife: '1m' }, { range: [-2, 1] }],
  [{ kind: 'thompson', reward: 'gaussian', prior: { a: { mean: 5e6, n: 2 } } }, { range: [0, 1e7] }],
  [{ kind: 'ucb1', halfLife: '1m' }, { range: [-2, 1] }],
  [{ kind: 'ucb1', alpha: 0.5, prior: { b: { mean: 1, n: 3 } } }],
  [{ kind: 'kl-ucb' }],
  [{ kind: 'kl-ucb', halfLife: '1m', prior: { a: { mean: 1, n: 5 } } }, { range: [-2, 1] }],
  [{ kind: 'softmax', temperature: 0.01 }],
  [{ kind: 'softmax', halfLife: '1m' }, { range: [-2, 1] }],
  [{ kind: 'exp3' }, { range: [-2, 1] }],
  [{ kind: 'exp3', halfLife: '1m', rate: 0.3, gamma: 0.2 }],
  [{ kind: 'epsilon-greedy', model: 'linear', halfLife: '1m' }, { fields: scaled }],
  [
    { kind: 'epsilon-greedy', model: 'logistic', ...joint },
    { fields: scaled, range: [-2, 1] },
  ],
  [
    { kind: 'square-cb', halfLife: '1m' },
    { fields: scaled, range: [-2, 1] },
  ],
  [{ kind: 'square-cb', model: 'logistic', gamma: 1000, exponent: 1, ...joint }, { fields: scaled }],
  [
    { kind: 'lin-ucb', halfLife: '1m' },
    { fields: scaled, range: [-2, 1] },
  ],
  [{ kind: 'lin-ucb', alpha: 0, ...joint, missing: 'zero' }, { fields: scaled }],
  [{ kind: 'linear-thompson' }],
  [
    { kind: 'linear-thompson', halfLife: '1m', members: 24, missing: 'zero' },
    { fields: scaled, range: [-2, 1] },
  ],
  [{ kind: 'linear-thompson', features: ['load', 'region', 'hour'], ...joint }, { fields: scaled }],
  [{ kind: 'q-learning', state: [] }],
  [
    { kind: 'q-learning', state: ['paying', { field: 'load', edges: [0, 50] }], n: 3, halfLife: '1m' },
    { fields: scaled, range: [-2, 1], metrics: ended },
  ],
  [
    { kind: 'q-learning', state: ['region'], gamma: 1, episode: { horizon: 9 }, explore: 'softmax' },
    { fields: scaled, metrics: ended },
  ],
  [
    { kind: 'q-learning', state: [{ field: 'load', bins: 3 }, 'region'], explore: 'posterior', members: 49 },
    { fields: scaled, range: [-1, 0], metrics: ended },
  ],
  [
    { kind: 'balancer', deadline: '1s', halfLife: '10s' },
    {
      metrics: (s) => ({
        ...(s.integer(5) === 0 ? {} : { latencyMs: 200 * s.exponential() }),
        ...(s.integer(3) === 0 ? {} : { success: s.integer(2) }),
      }),
    },
  ],
  [
    {
      kind: 'by-context',
      rules: [
        { when: { load: { min: 10 } }, policy: { kind: 'square-cb', halfLife: '1m' } },
        { when: { region: ['eu', 'us'], paying: true }, policy: { kind: 'thompson', halfLife: '30s' } },
        { policy: { kind: 'balancer' } },
      ],
    },
    { fields: scaled, range: [-2, 1] },
  ],
  [
    {
      kind: 'by-context',
      learn: 'all',
      rules: [
        { when: { paying: false }, policy: { kind: 'epsilon-greedy', epsilon: 0.2 } },
        { policy: { kind: 'epsilon-greedy', epsilon: 0.01 } },
      ],
    },
    { fields: scaled },
  ],
  [
    {
      kind: 'ensemble',
      members: [
        { kind: 'thompson', halfLife: '1m' },
        { kind: 'epsilon-greedy', weight: 3 },
        { kind: 'fixed', arm: 'b' },
      ],
    },
  ],
  [
    {
      kind: 'ensemble',
      halfLife: '30s',
      rate: 0.05,
      floor: '10%',
      members: [
        { kind: 'thompson', reward: 'gaussian' },
        { kind: 'rules', rules: [{ when: { load: { min: 0 } }, arm: 'a' }, { arm: 'b' }] },
        { kind: 'balancer', name: 'backends' },
        { kind: 'linear-thompson', halfLife: '2m' },
      ],
    },
    { fields: scaled, range: [-2, 1] },
  ],
];

const halfLifeOf = (declared: unknown) => (declared === undefined ? undefined : parseDuration(declared, ''));

function differBy(options: Row, a: unknown, b: unknown): string {
  if (options.kind === 'q-learning')
    return transitionsDifference(a as Transitions, b as Transitions, halfLifeOf(options.halfLife));
  const members = membersOf(options);
  if (members === undefined) {
    const linear = /^(lin|square)/.test(options.kind) || options.model !== undefined;
    return (linear ? linearDifference : momentsDifference)(
      a as Moments,
      b as Moments,
      halfLifeOf(options.halfLife ?? DEFAULT_HALF_LIFE[options.kind]),
    );
  }
  // Votes forget by the ensemble's own half-life, each member by its own.
  const parts = [{ kind: 'votes', halfLife: options.halfLife }, ...members];
  const found = parts.map((part, i) => differBy(part, (a as Product).parts[i], (b as Product).parts[i]));
  return found.find((each) => each !== '') ?? '';
}

/** What a policy that is made of others is made of. */
function membersOf(options: Row): readonly Row[] | undefined {
  if (options.kind === 'ensemble') return options.members as readonly Row[];
  if (options.kind !== 'by-context') return undefined;
  return (options.rules as readonly { readonly policy: Row }[]).map(({ policy }) => policy);
}

const DEFAULT_HALF_LIFE: Readonly<Record<string, string>> = { balancer: '5s' };

/** Policies under objectives of more than a reward are policies too. */
const METRICS = {
  clicks: { weight: 1, range: [0, 1] },
  latencyMs: { weight: -0.001, range: [0, 200] },
} as const;
const objectives: readonly (readonly [Row, Readonly<Record<string, unknown>>, DifferParts])[] = [
  [
    { kind: 'thompson', halfLife: '1m' },
    {
      constraints: [
        { metric: 'errors', max: 0.2, explore: '20%' },
        { metric: 'latencyMs', max: 80, range: [0, 200], halfLife: '30s' },
      ],
    },
    [byCount, byMoments('1m'), byMoments(undefined), byMoments('30s')],
  ],
  [
    { kind: 'thompson', halfLife: '1m' },
    { constraints: [{ metric: 'errors', max: 0.2, explore: 0 }] },
    [byCount, byMoments('1m'), byMoments(undefined)],
  ],
  [{ kind: 'epsilon-greedy', halfLife: '1m' }, METRICS, [byMetrics('1m')]],
  [
    { kind: 'thompson', reward: 'gaussian' },
    { ...METRICS, constraints: [{ metric: 'errors', max: 0.2 }] },
    [byCount, byMetrics(undefined), byMoments(undefined)],
  ],
];

type DifferParts = readonly ((a: unknown, b: unknown) => string)[];

function byCount(a: unknown, b: unknown): string {
  return (a as Count).n === (b as Count).n ? '' : 'not as many outcomes';
}

function byMoments(halfLife: string | undefined) {
  return (a: unknown, b: unknown) => momentsDifference(a as Moments, b as Moments, halfLifeOf(halfLife));
}

function byMetrics(halfLife: string | undefined) {
  const ranges = Object.values(METRICS).map(({ range }) => range);
  return (a: unknown, b: unknown) =>
    metricsDifference(ranges, a as Moments, b as Moments, halfLifeOf(halfLife));
}

describe.each(objectives)('%j under %j', (options, objective, parts) => {
  const make = (point: FactoryInput) =>
    underObjective(policies[options.kind as 'thompson'](options, point), objective, {
      ...point,
      path: 'objective',
    });
  const metrics: PolicySubject['metrics'] = (s) => ({
    latencyMs: 100 * s.exponential(),
    clicks: s.integer(2),
    errors: s.integer(2),
  });
  const differ = (a: unknown, b: unknown) => {
    const [p, q] = [a, b].map((each) => (parts.length === 1 ? [each] : (each as Product).parts));
    return parts.map((part, i) => part(p[i], q[i])).find((each) => each !== '') ?? '';
  };
  for (const { law, run } of policyLaws({ make, metrics, differ, range: [-0.2, 1] }))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 30 },
      );
    });
});

describe.each([
  [{ kind: 'thompson', halfLife: '1m' }, { positions: 2 }],
  [{ kind: 'epsilon-greedy' }, { positions: 2, examination: [1, 0.4] }],
] as const)('%j by position, %j', (options, slate) => {
  const make = (point: FactoryInput) => {
    const policy = slated(policies[options.kind](options, point), slate, { ...point, path: 'slate' });
    // The pipeline notes positions itself: here the first arms stand above the others.
    return { ...policy, note: (_view: unknown, arm: number) => [arm % 2, 7] };
  };
  const differ = byMoments('halfLife' in options ? options.halfLife : undefined);
  for (const { law, run } of policyLaws({ make, differ }))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 30 },
      );
    });
});

for (const [options, subject] of rows) {
  const make = (point: FactoryInput) =>
    resolveKind(policies, options.kind, 'policy')(options, { ...point, policies });
  const differ = (a: unknown, b: unknown) => differBy(options, a, b);
  describe(JSON.stringify(options), () => {
    for (const { law, run } of policyLaws({ ...subject, make, differ }))
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: 30 },
        );
      });
  });
}
