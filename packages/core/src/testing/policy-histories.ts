import { NUMBER_LIMITS } from '../limits.ts';
import type { ArmInfo, EpisodeRules, Outcome, Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import type { Stream } from '../stats/random.ts';
import { demand } from './law.ts';

/** Makes the policy under test for a point with these arms. */
export type MakePolicy = (point: FactoryInput) => Policy;

/** How a policy is held to the laws. */
export interface PolicySubject {
  readonly make: MakePolicy;
  /** Context of the point; default: none. */
  readonly fields?: FactoryInput['fields'];
  readonly range?: readonly [number, number];
  /** Metrics that its outcomes report. */
  metrics?(random: Stream): Readonly<Record<string, number>>;
  /** Where two pieces of its evidence differ beyond 1e-9; default: number by number. */
  differ?(a: unknown, b: unknown): string;
}

const { largest, narrowest } = NUMBER_LIMITS;

/** Beyond the arms the arrays go on so far: nothing may be written there. */
export const SPARE = 3;
const UNTOUCHED = 0.123;

/** A policy, and the point it was made for. */
export interface World {
  readonly subject: PolicySubject;
  readonly policy: Policy;
  readonly ids: readonly string[];
  readonly arms: readonly ArmInfo[];
  readonly range: readonly [number, number];
  readonly fields: FactoryInput['fields'];
  /** A view without evidence, where the policy notes what it proposes. */
  readonly blank: unknown;
  /** Numbers of the context are as far out as may be. */
  readonly extreme?: boolean;
}

const NOW = 1.7e12;

/** A point with two to seven arms. */
export function start(subject: PolicySubject, random: Stream): World {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, 2 + random.integer(6));
  const range = subject.range ?? [0, 1];
  const fields = subject.fields ?? [];
  const point: FactoryInput = {
    point: 'law',
    arms: ids.map((id) => ({ id })),
    fields,
    range,
    path: 'policy',
  };
  const policy = subject.make(point);
  const arms = ids.map((id) => ({ id, key: `${id}#0` }));
  const at: ViewInput = { arms, nowMs: NOW, baseline: undefined, margin: 0, seed: 0 };
  const { evidence, note } = policy;
  const blank = note && policy.view(evidence.zero(), evidence.zero(), at, undefined);
  return { subject, policy, ids, arms, range, fields, blank };
}

/** The views a policy can meet: none at all (as a baseline has), of no evidence, of little, of much. */
export function everyView(world: World, random: Stream, check: (view: unknown) => void): void {
  check(undefined);
  const { evidence } = world.policy;
  for (const n of [0, 1 + random.integer(5), 200]) {
    const own = learnMany(world, outcomes(world, random, n));
    const others = evidence.scale(learnMany(world, outcomes(world, random, n)), random.next());
    check(world.policy.view(own, others, viewInput(world, random), undefined));
  }
}

/** With a baseline, more often than not. */
export function viewInput(world: World, random: Stream): ViewInput {
  const arms = world.ids.length;
  let baseline: Float64Array | undefined;
  if (random.integer(3) > 0) {
    baseline = Float64Array.from({ length: arms }, () => (random.integer(3) === 0 ? 0 : random.next()));
    baseline[random.integer(arms)] += 0.1;
    const sum = baseline.reduce((total, share) => total + share, 0);
    baseline = baseline.map((share) => share / sum);
  }
  return { arms: world.arms, nowMs: NOW, baseline, margin: 0.02 * random.next(), seed: random.integer(1000) };
}

/** Some arms allowed, at least one; some fields of the context missing. */
export function randomInput(world: World, random: Stream): PolicyInput {
  const arms = world.ids.length;
  const allowed = new Uint8Array(arms + SPARE);
  if (random.integer(3) === 0) allowed.fill(1, 0, arms);
  else for (let a = 0; a < arms; a++) allowed[a] = random.integer(2);
  allowed[random.integer(arms)] = 1;
  const unitHash = random.integer(4) === 0 ? 0 : random.integer(4294967296);
  return {
    arms,
    allowed,
    allowedCount: allowed.reduce((sum, one) => sum + one, 0),
    context: randomContext(world, random),
    inflight: Int32Array.from({ length: arms + SPARE }, () => random.integer(30)),
    unitHash,
    turn: random.integer(1000),
    nowMs: 1e6 * random.next(),
  };
}

function randomContext(world: World, random: Stream): Float64Array {
  return Float64Array.from(world.fields, ({ type, values }) => {
    if (random.integer(5) === 0) return Number.NaN;
    if (type === 'number' && world.extreme === true)
      return [-largest, largest, 0, narrowest, random.normal()][random.integer(5)];
    if (type === 'number') return 100 * random.normal();
    return random.integer(type === 'boolean' ? 2 : (values?.length ?? 0) + 3);
  });
}

/** Of this arm, at any time before now, as a node would report it. */
export function randomOutcome(world: World, random: Stream, arm: number): Outcome {
  const [low, high] = world.range;
  // Ends of the range count too.
  const share = random.integer(4) === 0 ? random.integer(2) : random.next();
  return {
    arm,
    armKey: world.arms[arm].key,
    armKeys: world.arms.map(({ key }) => key),
    reward: low + (high - low) * share,
    propensity: 0.05 + 0.95 * random.next(),
    weight: random.integer(4) === 0 ? 1 << random.integer(5) : 1,
    sign: 1,
    atMs: NOW - random.exponential() * 60_000,
    context: randomContext(world, random),
    metrics: world.subject.metrics?.(random) ?? {},
    noted: notesOf(world, random, arm),
  };
}

/** What the policy would have noted when it proposed the arm, without evidence. */
function notesOf(world: World, random: Stream, arm: number): readonly number[] | undefined {
  const { episodes } = world.policy;
  if (episodes !== undefined && random.integer(8) > 0) return followed(world, random, episodes);
  if (world.policy.note === undefined || random.integer(8) === 0) return undefined;
  const input = randomInput(world, random);
  input.allowed[arm] = 1;
  const allowedCount = input.allowed.reduce((sum, one) => sum + one, 0);
  world.policy.propose(world.blank, { ...input, allowedCount }, proposalFor(world));
  const noted = world.policy.note(world.blank, arm);
  demand(noted === undefined || noted.every(Number.isFinite), 'notes what is no finite number');
  demand(noted === undefined || noted.length <= 64, 'notes more than 64 numbers');
  return noted;
}

/** What a node notes of a decision that follows others of its episode. */
function followed(world: World, random: Stream, { steps, stateOf }: EpisodeRules): readonly number[] {
  const noted = [random.integer(4294967296), random.integer(9) - 1];
  for (let k = random.integer(steps + 1); k > 0; k--)
    noted.push(stateOf(randomContext(world, random)), random.integer(world.ids.length));
  return noted;
}

/** Of any arms. */
export function outcomes(world: World, random: Stream, n: number): Outcome[] {
  return Array.from({ length: n }, () => randomOutcome(world, random, random.integer(world.ids.length)));
}

/** What the policy makes of them, one after the other. */
export function learnMany(world: World, seen: readonly Outcome[]): unknown {
  let own: unknown = world.policy.evidence.zero();
  for (const outcome of seen) own = world.policy.learn(own, outcome);
  return own;
}

/** In another order; the argument stays. */
export function shuffled<T>(items: readonly T[], random: Stream): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Room for a proposal, filled with what no policy would write. */
export function proposalFor(world: World): Proposal {
  return { p: new Float64Array(world.ids.length + SPARE).fill(UNTOUCHED), confidence: 0.5 };
}

/** Throws unless it is a distribution over the allowed arms, with a confidence or NaN, and nothing beyond them was touched. */
export function demandDistribution(out: Proposal, input: PolicyInput): void {
  let sum = 0;
  for (let a = 0; a < input.arms; a++) {
    demand(out.p[a] >= 0 && out.p[a] <= 1, `p[${a}] = ${out.p[a]}`);
    demand(input.allowed[a] === 1 || out.p[a] === 0, `arm ${a} is not allowed and gets ${out.p[a]}`);
    sum += out.p[a];
  }
  demand(Math.abs(sum - 1) <= input.arms * Number.EPSILON, `the sum is ${sum}`);
  for (let a = input.arms; a < out.p.length; a++)
    demand(out.p[a] === UNTOUCHED, `wrote beyond the arms, at ${a}`);
  const c = out.confidence;
  demand(Number.isNaN(c) || (c >= 0 && c <= 1), `confidence is ${c}`);
}
