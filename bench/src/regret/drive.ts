import { compilePoint, DEFAULT_LIMITS, type Policy, type PolicyInput, type ViewInput } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';

/** A stream of decisions whose truth is known. */
export interface Problem {
  readonly arms: number;
  readonly steps: number;
  /** As a point declares it. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Fills the compiled context and the expected reward of each arm at a step. */
  at(step: number, context: Float64Array, mean: Float64Array): void;
}

/** Who decides: one of ours, or somebody's own implementation of a published rule. */
export interface Learner {
  propose(context: Float64Array, p: Float64Array): void;
  learn(context: Float64Array, arm: number, p: number, reward: number): void;
}

/** After so many outcomes a node makes its view anew. */
const REFRESH = 32;

/** One of Ganglion's policies, as a node drives it: views are made anew after 32 outcomes, proposals in between. */
export function ours(options: Readonly<Record<string, unknown>>, problem: Problem, seed: number): Learner {
  const { policy, arms } = compiled(options, problem);
  let own = policy.evidence.zero();
  const others = policy.evidence.zero();
  let view: unknown;
  let learned = 0;
  const input = everyArm(problem.arms);
  const out = { p: new Float64Array(problem.arms), confidence: 0 };
  return {
    propose(context, p) {
      if (learned % REFRESH === 0)
        view = policy.view(own, others, viewInput(arms, seed * 1_000_003 + learned), view);
      input.context = context;
      policy.propose(view, input, out);
      p.set(out.p);
    },
    learn(context, arm, propensity, reward) {
      own = policy.learn(own, outcome(context, arm, arms[arm].key, propensity, reward));
      learned++;
    },
  };
}

type Arms = ViewInput['arms'];

export function compiled(
  options: Readonly<Record<string, unknown>>,
  problem: Problem,
): { policy: Policy; arms: Arms } {
  const arms = Array.from({ length: problem.arms }, (_, a) => `arm-${a}`);
  const spec = {
    point: 'regret',
    arms,
    fallback: arms[0],
    context: problem.context,
    policy: options,
  };
  return compilePoint(spec, standard, DEFAULT_LIMITS);
}

export const viewInput = (arms: Arms, seed: number): ViewInput => ({
  arms,
  nowMs: 0,
  baseline: undefined,
  margin: 0,
  seed,
});

export function everyArm(arms: number): { -readonly [K in keyof PolicyInput]: PolicyInput[K] } {
  return {
    arms,
    allowed: new Uint8Array(arms).fill(1),
    allowedCount: arms,
    context: new Float64Array(0),
    inflight: new Int32Array(arms),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
}

export function outcome(
  context: Float64Array,
  arm: number,
  armKey: string,
  propensity: number,
  reward: number,
) {
  const fixed = { weight: 1, sign: 1, atMs: 0, metrics: {} } as const;
  return { arm, armKey, reward, propensity, context, ...fixed };
}

/** What a run came to. */
export interface Run {
  /** Σ over steps of what the best arm would have paid, less what the proposal was worth, both in expectation. */
  readonly regret: number;
  /** Mean expected reward of the proposals. */
  readonly reward: number;
}

/** One run: the same contexts for every learner of the same seed, draws and rewards by a seeded stream. */
export function run(problem: Problem, learner: Learner, seed: number): Run {
  const random = stream(seed, 7);
  const context = new Float64Array(Object.keys(problem.context).length);
  const mean = new Float64Array(problem.arms);
  const p = new Float64Array(problem.arms);
  let regret = 0;
  let reward = 0;
  for (let step = 0; step < problem.steps; step++) {
    problem.at(step, context, mean);
    learner.propose(context, p);
    let worth = 0;
    let best = -Infinity;
    for (let a = 0; a < problem.arms; a++) {
      worth += p[a] * mean[a];
      if (mean[a] > best) best = mean[a];
    }
    regret += best - worth;
    reward += worth;
    let arm = -1;
    for (let u = random.next(); u >= 0 && arm < problem.arms - 1; ) u -= p[++arm];
    while (p[arm] === 0) arm--;
    learner.learn(context, arm, p[arm], random.next() < mean[arm] ? 1 : 0);
  }
  return { regret, reward: reward / problem.steps };
}
