import {
  compilePoint,
  DEFAULT_LIMITS,
  type Outcome,
  type Policy,
  type PolicyInput,
  type ViewInput,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import type { stream } from '@ganglion/core/testing';
import type { Process } from './problems.ts';
import type { Agent } from './references.ts';

/** A view is looked after when so many outcomes have come, as by a node. */
const REFRESH = 32;

/** One of ours, with what a node does for it: notes what came before, learns outcome by outcome, makes views. */
export interface Ours extends Agent {
  readonly policy: Policy;
  /** What it has seen itself. */
  own(): unknown;
  /** What others have seen, from now on. */
  hear(others: unknown): void;
}

/** Q-learning, as a point declares it, and what a node does for it: `seed` names its episodes and its views. */
export function ours(process: Process, options: Readonly<Record<string, unknown>>, seed: number): Ours {
  const { policy, arms } = declared(process, options);
  let own = policy.evidence.zero();
  let others = policy.evidence.zero();
  let view: unknown;
  let learned = 0;
  let dirty = true;
  const past = pastOf(policy.episodes!.steps, seed * 1_000_003);
  const ask = asking(process, policy);
  const refresh = (): void => {
    const at: ViewInput = {
      arms,
      nowMs: learned * 10,
      baseline: undefined,
      margin: 0,
      seed: seed * 7919 + learned,
    };
    view = policy.view(own, others, at, view);
    dirty = false;
  };
  return {
    policy,
    own: () => own,
    hear: (heard) => {
      others = heard;
      dirty = true;
    },
    begin: past.begin,
    act: (state, p) => {
      if (dirty || learned % REFRESH === 0) refresh();
      p.set(ask(view, state));
    },
    see: (state, arm, reward, to) => {
      const outcome: Outcome = {
        arm,
        armKey: arms[arm].key,
        armKeys: arms.map(({ key }) => key),
        reward: Math.max(process.range[0], Math.min(process.range[1], reward)),
        propensity: 1,
        weight: 1,
        sign: 1,
        atMs: 0,
        context: Float64Array.of(state),
        metrics: { done: to < 0 ? 1 : 0 },
        noted: past.note(state, arm),
      };
      own = policy.learn(own, outcome);
      learned++;
    },
    greedy: (state) => {
      if (dirty) refresh();
      return bestOf(ask(view, state).slice(0, process.arms(state)));
    },
  };
}

/** The policy as a point declares it, with a field that holds the state. */
function declared(process: Process, options: Readonly<Record<string, unknown>>) {
  return compilePoint(
    {
      point: 'rl',
      arms: Array.from({ length: process.most }, (_, a) => `arm-${a}`),
      fallback: 'arm-0',
      context: { at: { type: 'number', min: 0, max: Math.max(1, process.states - 1) } },
      objective: { range: process.range },
      policy: { kind: 'q-learning', state: ['at'], ...options },
    },
    standard,
    DEFAULT_LIMITS,
  );
}

/** What a node notes of each step: its episode, its place in it, and what came before, newest first. */
function pastOf(steps: number, firstEpisode: number) {
  let episode = firstEpisode;
  let step = 0;
  let past: number[] = [];
  return {
    begin(): void {
      episode++;
      step = 0;
      past = [];
    },
    note(state: number, arm: number): readonly number[] {
      const noted = [episode, step++, ...past];
      past = [state, arm, ...past].slice(0, 2 * steps);
      return noted;
    },
  };
}

/** Asks the policy in a state. The answer is overwritten by the next one. */
function asking(process: Process, policy: Policy): (view: unknown, state: number) => Float64Array {
  const input = inputFor(process);
  const out = { p: new Float64Array(process.most), confidence: 0 };
  return (view, state) => {
    input.context[0] = state;
    input.allowed.fill(0);
    input.allowed.fill(1, 0, process.arms(state));
    input.allowedCount = process.arms(state);
    policy.propose(view, input, out);
    return out.p;
  };
}

/** All for the largest, in equal shares where there are several. */
function bestOf(p: Float64Array): Float64Array {
  const best = Math.max(...p);
  const ties = p.reduce((sum, each) => sum + (each >= best - 1e-12 ? 1 : 0), 0);
  return p.map((each) => (each >= best - 1e-12 ? 1 / ties : 0));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function inputFor(process: Process): Mutable<PolicyInput> {
  return {
    arms: process.most,
    allowed: new Uint8Array(process.most),
    allowedCount: process.most,
    context: new Float64Array(1),
    inflight: new Int32Array(process.most),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
}

/** One episode: what it earned, and the first arm. Draws by the stream, the same for every agent of a seed. */
export function episode(
  process: Process,
  agent: Agent,
  random: ReturnType<typeof stream>,
): { readonly earned: number; readonly first: number } {
  const p = new Float64Array(process.most);
  let state = process.start;
  let earned = 0;
  let first = -1;
  agent.begin();
  for (let step = 0; step < process.horizon && state >= 0; step++) {
    agent.act(state, p);
    const arm = pick(p, random.next());
    if (first < 0) first = arm;
    const ways = process.ways(state, arm);
    const way =
      ways[
        pick(
          Float64Array.from(ways, (each) => each.p),
          random.next(),
        )
      ];
    const noise = process.noise(state);
    const reward = way.reward + (noise > 0 ? noise * random.normal() : 0);
    agent.see(state, arm, reward, way.to);
    earned += reward;
    state = way.to;
  }
  return { earned, first };
}

function pick(p: Float64Array, u: number): number {
  let left = u;
  let last = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i] <= 0) continue;
    last = i;
    left -= p[i];
    if (left < 0) break;
  }
  return last;
}
