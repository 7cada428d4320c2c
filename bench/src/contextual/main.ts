/** `npm run bench -- contextual`: what it costs to pick by a linear model, and to learn. */

import { wasmKernels } from '@ganglion/adapters/kernels';
import {
  compilePoint,
  DEFAULT_LIMITS,
  type Kernels,
  type Outcome,
  type Policy,
  type PolicyInput,
  type Proposal,
  triangleLength,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';
import { figure, type Goal, ratio } from '../lib/report.ts';
import { type Subject, sampleAll } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';

const ARMS = 10;
/** With the constant: 32 columns. */
const FEATURES = 31;
const COLUMNS = FEATURES + 1;
const INPUTS = 256;
const sink = { seen: 0 };
const simd = wasmKernels();

const random = stream(32);
const unit = (): Float64Array => {
  const v = Float64Array.from({ length: FEATURES }, () => random.normal());
  const length = Math.hypot(...v);
  return v.map((value) => value / length);
};
const thetas = Array.from({ length: ARMS }, unit);
const contexts = Array.from({ length: INPUTS }, unit);

await tell({
  name: 'contextual',
  title: 'Linear policies, 32 columns, 10 arms',
  help: 'A pick and an update, early and late in learning; a view; the size of what is kept and sent.',
  async measure({ quick, say }) {
    const kinds = ['linear-thompson', 'lin-ucb', 'square-cb'];
    const subjects: Subject[] = [];
    for (const kind of kinds)
      for (const [stage, n] of [
        ['after 200 outcomes', 200],
        ['after 20,000', 20_000],
      ] as const)
        subjects.push(
          picking(`${kind}: pick ${stage}`, kind, n, simd),
          picking(`${kind}: the same without SIMD`, kind, n, undefined),
        );
    subjects.push(updating('update'), viewing('linear-thompson: view made anew'), multiplying());
    say('every subject in turn');
    const samples = await sampleAll(subjects, quick ? 2 : 7, quick ? 100 : 300);
    const limit = samples[samples.length - 1];
    const of = (name: string): number => samples.find((sample) => sample.name === name)!.medianNs;
    const goals: Goal[] = [
      ...subjects
        .filter(({ name }) => /^(linear-thompson|lin-ucb): pick/.test(name))
        .map(({ name }) => ({
          goal: `${name} ≤ 1.5 µs`,
          figure: `${figure(of(name))} ns`,
          met: of(name) <= 1500,
        })),
      { goal: 'update ≤ 1.3 µs', figure: `${figure(of('update'))} ns`, met: of('update') <= 1300 },
    ];
    return {
      tables: [
        {
          title: simd === undefined ? 'This platform has no SIMD' : '',
          head: ['', 'median ns', 'p99 ns', 'CPU ns', 'beside the limit'],
          rows: samples.map((s) => [
            s.name,
            figure(s.medianNs),
            figure(s.p99Ns),
            figure(s.cpuNs),
            ratio(s.medianNs, limit.medianNs),
          ]),
        },
        memory(),
      ],
      goals,
      notes: [
        'Picks encode the context, propose over ten arms and know their confidence against a baseline; they do not draw or record.',
        'Early in learning many arms may still be best, and each of the 16 members must rate them; later bounds leave most of them out. The answer is the same.',
        'A view is made off the decide path, after 32 outcomes or a second: ten factors, inverses and 160 samples.',
        'Without SIMD the same sums in the same order run in plain TypeScript: the answers have the same bits.',
        'The limit multiplies, in plain TypeScript, what 16 members of ten arms would need, and keeps nothing.',
      ],
    };
  },
});

function policyOf(kind: string, kernels?: Kernels) {
  const context = Object.fromEntries(
    Array.from({ length: FEATURES }, (_, i) => [
      `x${String(i).padStart(2, '0')}`,
      { type: 'number', min: -1, max: 1, required: true },
    ]),
  );
  const arms = Array.from({ length: ARMS }, (_, a) => `arm-${a}`);
  return compilePoint(
    { point: 'bench', arms, fallback: 'arm-0', context, policy: { kind } },
    standard,
    DEFAULT_LIMITS,
    {},
    kernels,
  );
}

function outcomeOf(n: number): Outcome {
  const arm = n % ARMS;
  const context = contexts[(n * 7) % INPUTS];
  const mean = 0.5 + 0.4 * thetas[arm].reduce((sum, value, i) => sum + value * context[i], 0);
  const fixed = { weight: 1, sign: 1, atMs: 0, metrics: {}, propensity: 0.1 } as const;
  return { arm, armKey: `arm-${arm}#0`, reward: random.next() < mean ? 1 : 0, context, ...fixed };
}

function learned(policy: Policy, n: number): unknown {
  let own = policy.evidence.zero();
  for (let i = 0; i < n; i++) own = policy.learn(own, outcomeOf(i));
  return own;
}

function viewed(kind: string, n: number, kernels: Kernels | undefined, seed = 1) {
  const { policy, arms } = policyOf(kind, kernels);
  const baseline = new Float64Array(ARMS);
  baseline[0] = 1;
  const at = { arms, nowMs: 0, baseline, margin: 0, seed };
  const own = learned(policy, n);
  return { policy, own, at, view: policy.view(own, policy.evidence.zero(), at, undefined) };
}

function picking(name: string, kind: string, n: number, kernels: Kernels | undefined): Subject {
  const { policy, view } = viewed(kind, n, kernels);
  const input: { -readonly [K in keyof PolicyInput]: PolicyInput[K] } = {
    arms: ARMS,
    allowed: new Uint8Array(ARMS).fill(1),
    allowedCount: ARMS,
    context: contexts[0],
    inflight: new Int32Array(ARMS),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
  const out: Proposal = { p: new Float64Array(ARMS), confidence: 0 };
  return {
    name,
    run(count, offset) {
      for (let i = 0; i < count; i++) {
        input.context = contexts[(offset + i) % INPUTS];
        policy.propose(view, input, out);
        if (out.p[0] > 0.5) sink.seen++;
      }
    },
  };
}

function updating(name: string): Subject {
  const { policy } = policyOf('linear-thompson');
  let own = policy.evidence.zero();
  const outcomes = Array.from({ length: INPUTS }, (_, i) => outcomeOf(i));
  return {
    name,
    run(count, offset) {
      for (let i = 0; i < count; i++) own = policy.learn(own, outcomes[(offset + i) % INPUTS]);
    },
  };
}

function viewing(name: string): Subject {
  const { policy, own, at } = viewed('linear-thompson', 2000, simd);
  return {
    name,
    run(count) {
      for (let i = 0; i < count; i++)
        if (policy.view(own, policy.evidence.zero(), { ...at, seed: i }, undefined) === null) sink.seen++;
    },
  };
}

/** Ten arms, 16 members, 32 columns: multiplied and added, four sums at a time. */
function multiplying(): Subject {
  const members = 16;
  const bank = Float64Array.from({ length: ARMS * members * COLUMNS }, () => random.normal());
  return {
    name: 'limit: 5,120 products and sums',
    run(count, offset) {
      for (let i = 0; i < count; i++) {
        const x = contexts[(offset + i) % INPUTS];
        for (let at = 0; at < bank.length; at += 4 * COLUMNS) {
          let [s0, s1, s2, s3] = [0, 0, 0, 0];
          for (let j = 0, p = at; j < FEATURES; j++, p += 4) {
            s0 += x[j] * bank[p];
            s1 += x[j] * bank[p + 1];
            s2 += x[j] * bank[p + 2];
            s3 += x[j] * bank[p + 3];
          }
          if (s0 + s1 + s2 + s3 > 1e9) sink.seen++;
        }
      }
    },
  };
}

function memory() {
  const { policy, own } = viewed('linear-thompson', 2000, undefined);
  const sent = policy.evidence.encode(own).length;
  const row = 8 * (3 + COLUMNS + (COLUMNS * (COLUMNS + 1)) / 2);
  // Pairs θ ± δ: a row for two members. And the means of the arms, which are padded to rows of eight.
  const bank = 8 * (ARMS * 8 + 16) * COLUMNS;
  const halves = 8 * ARMS * triangleLength(COLUMNS);
  const factors = 8 * ARMS * (COLUMNS * (COLUMNS + 1) + COLUMNS);
  return {
    title: 'Memory a learner',
    head: ['', 'bytes'],
    rows: [
      ['statistics of an arm', figure(row)],
      ['statistics of ten arms, encoded as they are sent', figure(sent)],
      ['view: factors, their inverses and means', figure(factors)],
      ['view of linear-thompson: bank of 16 members, and means', figure(bank)],
      ['view of the others: inverse factors laid out for kernels', figure(halves)],
      ['kernels: copies of the tables in use, at most', figure(32 << 20)],
      ['limit: A and b of ten arms alone', figure(8 * ARMS * (COLUMNS + (COLUMNS * (COLUMNS + 1)) / 2))],
    ],
  };
}
