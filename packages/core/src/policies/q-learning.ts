import { stateSpace } from '../learners/states.ts';
import {
  bytesOfRow,
  mostRows,
  type Step,
  type Transitions,
  transitions,
  type Visit,
} from '../learners/transitions.ts';
import {
  choice,
  duration,
  given,
  number,
  type Options,
  object,
  onlyKeys,
  refuse,
  rejectUnknown,
  share,
} from '../options.ts';
import type { EpisodeRules, Outcome, Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { Factory, FactoryInput } from '../registry.ts';
import { mix32 } from '../stats/hash.ts';
import { exp } from '../stats/math.ts';
import { fillUniform } from './distribution.ts';
import { fillGreedy } from './indexed.ts';
import { describeEarned, type Horizon, MOST_SWEEPS, pointValues, sampledValues, spanOf } from './q-values.ts';
import { halfLife } from './thompson.ts';

/** Values of every state and arm, as the evidence had it when they were last worked out. */
export interface QView {
  readonly arms: number;
  /** One table, or one for each member of the bank: by member, state and arm. */
  readonly values: readonly Float64Array[];
  readonly total: Transitions;
  /** Outcomes and tree time it was worked out at. */
  readonly outcomes: number;
  readonly atMs: number;
  readonly keys: string;
  readonly baseline: Float64Array | undefined;
  readonly margin: number;
}

/**
 * `{ kind: q-learning, state, gamma, n, explore, estimator, initial, halfLife, episode }`: tabular Q-learning for decisions that
 * change what comes next. Every decision names its episode (`episode`, or the unit), the next one of it closes the
 * transition of the former, and `done` in the feedback ends it.
 *
 * What adds up over the tree is not Q but what it is worked out from (`transitions/1`): how often each arm led from each
 * state to each, and what it earned. Every node solves that for Q, off the decide path, so the answer does not depend on
 * the order in which anything came (certainty equivalence: Q-learning run on all that was seen until nothing moves).
 *
 * - `state`: fields of the context, numbers parted into buckets (see `learners/states.ts`).
 * - `gamma` (default 0.95): worth of a reward one decision later, in [0, 1]; 1 needs `episode.horizon`.
 * - `n` (default 1, at most 16): steps of n-step returns; rewards on the way are as the policies of the time earned them.
 * - `explore`: `epsilon-greedy` (default, with `epsilon`, 10 %), `softmax` (with `temperature`, a twentieth of the span of
 *   values), or `posterior`: a bank of `members` (16) processes sampled from what is known, each solved, an arm's
 *   probability the share of members that rate it highest (posterior sampling: Osband, Russo, Van Roy, NIPS 2013).
 * - `estimator`: `single` (default): all episodes choose and value, which is biased upwards where rewards are lotteries; `double`:
 *   they are parted in two halves by a stable hash, one chooses and the other values, both ways, averaged (van Hasselt 2010). It
 *   has half of what is known to choose by, which costs where paths are long. `posterior` has no need of it.
 * - `initial` (default 0): Q of what was never tried; it counts as one outcome.
 * - `halfLife`: after which an outcome weighs half; without it nothing is forgotten.
 * - `episode`: `{ timeout (30m), onSilence (breaks | ends), horizon, most (65536) }`, see `EpisodeRules`.
 *
 * The confidence, under `posterior`, is the share of members that rate the proposal at least as high as the baseline less
 * the margin; otherwise unknown. Memory an arm: 16 · states · (states + 2n + 2) bytes.
 */
export const qLearning: Factory<Policy> = (options, input) => {
  rejectUnknown(options, KEYS, input.path);
  const { path } = input;
  const space = stateSpace(options, input);
  const gamma = number(options, 'gamma', { min: 0, max: 1, default: 0.95 }, path);
  const steps = number(options, 'n', { min: 1, max: 16, integer: true, default: 1 }, path);
  const episodes = readEpisodes(options, path, { gamma, steps, stateOf: space.of });
  const evidence = transitions({
    states: space.count,
    steps,
    range: input.range,
    halfLifeMs: halfLife(options, path),
  });
  checkRoom(input, space.count, steps);
  const horizon: Horizon = { gamma, horizon: episodes.horizon, range: input.range };
  const rule = explorer(options, input, spanOf(horizon));
  const initial = number(options, 'initial', { min: -1e12, max: 1e12, default: 0 }, path);
  const double = estimatorOf(options, path, rule.bank) === 'double' && !rule.bank;
  const policy: Policy<Transitions, QView | undefined> = {
    name: 'q-learning/1',
    evidence,
    additive: true,
    episodes,
    reads: ['done'],
    view: (own, others, at, previous) => {
      const outcomes = evidence.outcomes(own) + evidence.outcomes(others);
      if (previous !== undefined && holds(previous, outcomes, at)) return previous;
      // Arms that are no more must not crowd out those that are, in a sum that has room for so many.
      const total = evidence.add(only(own, at), only(others, at));
      const values = rule.bank
        ? sampledValues(evidence, total, at, horizon, rule.members)
        : [pointValues(evidence, total, at, horizon, initial, double)];
      const { baseline, margin } = at;
      return {
        arms: at.arms.length,
        values,
        total,
        outcomes,
        atMs: at.nowMs,
        keys: keysOf(at),
        baseline,
        margin,
      };
    },
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.arms !== at.arms) fillUniform(at, out);
      else rule.fill(view, space.of(at.context) * at.arms, at, out);
    },
    learn: (own, outcome) => {
      evidence.record(own, stepOf(space.of, steps, outcome));
      return own;
    },
    forgot: (own, outcome) => evidence.forgot(own, stepOf(space.of, steps, outcome)),
    describe: (view, arms) => (view?.arms === arms ? describeEarned(evidence, view.total, view.keys) : []),
  };
  return policy as Policy;
};

const KEYS = [
  'state',
  'gamma',
  'n',
  'explore',
  'epsilon',
  'temperature',
  'members',
  'estimator',
  'initial',
  'halfLife',
  'episode',
];

function readEpisodes(
  options: Options,
  path: string,
  rest: Pick<EpisodeRules, 'gamma' | 'steps' | 'stateOf'>,
): EpisodeRules {
  const spec = given(options, 'episode') ? object(options.episode, path, 'episode') : {};
  const at = `${path}.episode`;
  onlyKeys(spec, ['timeout', 'onSilence', 'horizon', 'most'], at);
  const rules: EpisodeRules = {
    ...rest,
    timeoutMs: duration(spec, 'timeout', { min: 1, max: 400 * 86_400_000, default: 1_800_000 }, at),
    onSilence: choice(spec, 'onSilence', ['breaks', 'ends'], 'breaks', at),
    horizon: given(spec, 'horizon')
      ? number(spec, 'horizon', { min: 1, max: MOST_SWEEPS, integer: true }, at)
      : Infinity,
    most: number(spec, 'most', { min: 1, max: 1 << 20, integer: true, default: 65_536 }, at),
  };
  if (rest.gamma === 1 && rules.horizon === Infinity)
    refuse(
      path,
      'gamma',
      rest.gamma,
      'values a future without an end',
      'Give episode: { horizon } too, or a gamma below 1.',
    );
  return rules;
}

/** What is known of arms that were taken out stays a while, and outcomes of theirs still come. */
function checkRoom({ arms, path }: FactoryInput, states: number, steps: number): void {
  const rows = mostRows(states, steps);
  if (2 * arms.length > rows)
    refuse(
      path,
      'state',
      states,
      `makes ${states} states, ${bytesOfRow(states, steps)} bytes an arm with n = ${steps}: evidence has room for ${rows} arms, and twice the ${arms.length} that there are must fit`,
      'Use fewer states (fields, bins or edges), a lower n, or fewer arms.',
    );
}

function estimatorOf(options: Options, path: string, bank: boolean): 'double' | 'single' {
  if (bank && given(options, 'estimator'))
    refuse(path, 'estimator', options.estimator, 'stands beside explore: posterior', 'Leave it out.');
  return choice(options, 'estimator', ['double', 'single'], 'single', path);
}

/** How arms are chosen by what they are worth. */
interface Explorer {
  readonly bank: boolean;
  readonly members: number;
  fill(view: QView, row: number, at: PolicyInput, out: Proposal): void;
}

function explorer(options: Options, input: FactoryInput, span: number): Explorer {
  const { path } = input;
  const explore = choice(
    options,
    'explore',
    ['epsilon-greedy', 'softmax', 'posterior'],
    'epsilon-greedy',
    path,
  );
  const owner = { epsilon: 'epsilon-greedy', temperature: 'softmax', members: 'posterior' } as const;
  for (const [key, kind] of Object.entries(owner))
    if (given(options, key) && kind !== explore)
      refuse(path, key, options[key], `is for explore: ${kind}`, `Leave it out, or explore by ${kind}.`);
  const scratch = new Float64Array(input.arms.length);
  if (explore === 'epsilon-greedy') {
    const epsilon = share(options, 'epsilon', { default: 0.1 }, path);
    return {
      bank: false,
      members: 1,
      fill: ({ values }, row, at, { p }) => {
        for (let a = 0; a < at.arms; a++) scratch[a] = values[0][row + a];
        fillGreedy(scratch, epsilon, at, p);
      },
    };
  }
  if (explore === 'softmax') {
    const temperature = number(options, 'temperature', { min: span * 1e-9, default: span / 20 }, path);
    return {
      bank: false,
      members: 1,
      fill: ({ values }, row, at, out) => fillSoftmax(values[0], row, temperature, at, out),
    };
  }
  const members = number(options, 'members', { min: 4, max: 64, integer: true, default: 16 }, path);
  return { bank: true, members, fill: (view, row, at, out) => fillVotes(view, row, at, out) };
}

function fillSoftmax(
  q: Float64Array,
  row: number,
  temperature: number,
  at: PolicyInput,
  { p }: Proposal,
): void {
  let best = -Infinity;
  for (let a = 0; a < at.arms; a++) if (at.allowed[a] === 1 && q[row + a] > best) best = q[row + a];
  let sum = 0;
  for (let a = 0; a < at.arms; a++) {
    p[a] = at.allowed[a] === 1 ? exp((q[row + a] - best) / temperature) : 0;
    sum += p[a];
  }
  for (let a = 0; a < at.arms; a++) p[a] /= sum;
}

/** Each member's vote goes to the arms it rates highest; the confidence is how many rate the proposal as the baseline or better. */
function fillVotes(view: QView, row: number, at: PolicyInput, out: Proposal): void {
  const { values, baseline } = view;
  const { arms, allowed } = at;
  const { p } = out;
  for (let a = 0; a < arms; a++) p[a] = 0;
  for (const q of values) {
    let best = -Infinity;
    let ties = 0;
    for (let a = 0; a < arms; a++) {
      if (allowed[a] === 0 || q[row + a] < best) continue;
      ties = q[row + a] > best ? 1 : ties + 1;
      best = q[row + a];
    }
    for (let a = 0; a < arms; a++) if (allowed[a] === 1 && q[row + a] === best) p[a] += 1 / ties;
  }
  // Counted before they become shares: many times 1 / members would not add up to 1.
  for (let a = 0; a < arms; a++) p[a] /= values.length;
  if (baseline === undefined || view.outcomes < 1) return;
  let mass = 0;
  for (let a = 0; a < arms; a++) if (allowed[a] === 1) mass += baseline[a];
  let agree = 0;
  for (const q of values) {
    let gain = view.margin;
    for (let a = 0; a < arms; a++)
      if (allowed[a] === 1)
        gain += (p[a] - (mass > 0 ? baseline[a] / mass : 1 / at.allowedCount)) * q[row + a];
    if (gain >= -1e-9) agree++;
  }
  out.confidence = agree / values.length;
}

/** What is known of the arms that there are. */
function only({ landmarkMs, arms }: Transitions, at: ViewInput): Transitions {
  const living = new Map<string, Float64Array>();
  for (const { key } of at.arms) {
    const row = arms.get(key);
    if (row !== undefined) living.set(key, row);
  }
  return { landmarkMs, arms: living };
}

const keysOf = (at: ViewInput): string => at.arms.map(({ key }) => key).join('\n');

// Solving takes long beside all else a view does: it is done anew when a fiftieth more is known, or a second later.
const NEWS = 1.02;
const FRESH_MS = 1000;

function holds(previous: QView, outcomes: number, at: ViewInput): boolean {
  return (
    outcomes <= previous.outcomes * NEWS &&
    outcomes >= previous.outcomes &&
    at.nowMs - previous.atMs < FRESH_MS &&
    at.nowMs >= previous.atMs &&
    previous.keys === keysOf(at) &&
    previous.margin === at.margin
  );
}

/** What came before is named by index, of arms that there were then. A note of the key alone: an episode of one decision. */
function stepOf(stateOf: (context: ArrayLike<number>) => number, steps: number, outcome: Outcome): Step {
  const { noted, armKeys, armKey, reward, weight, sign, atMs, metrics } = outcome;
  const before: Visit[] = [];
  if (noted !== undefined && armKeys !== undefined)
    for (let i = 2; i + 1 < noted.length && before.length < steps; i += 2) {
      const key = armKeys[noted[i + 1]];
      if (key === undefined) break;
      before.push({ state: noted[i], armKey: key });
    }
  return {
    state: stateOf(outcome.context),
    armKey,
    half: (mix32(noted?.[0] ?? Math.floor(atMs)) & 1) as 0 | 1,
    reward,
    weight: sign * weight,
    atMs,
    done: noted?.length === 1 || (metrics.done ?? 0) >= 0.5,
    before,
    living: armKeys,
  };
}
