import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Evidence } from '../evidence.ts';
import { DEFAULT_LIMITS, type Limits, type Problem } from '../limits.ts';
import {
  combine,
  type Decayed,
  fadeAt,
  fromFuture,
  implausibleRows,
  type RowShape,
  rowOf,
  scaled,
  settleRow,
  weightAt,
} from './decayed.ts';

/**
 * Evidence `transitions/1`: what is known of a Markov decision process with few states, as sums that add up. By arm key
 * a row: what was earned after the arm was chosen in a state, step by step up to `steps`, and where that led.
 *
 * One outcome teaches about the decision that it is for, and about the decisions before it in the same episode: its reward is
 * the k-th after them, its state the one that they led to. So nothing has to arrive in order, an outcome can be taken
 * back, and parts of an episode learned apart add up to the whole.
 *
 * Everything is kept twice, by halves of the episodes: one half can choose and the other value, which is unbiased where a
 * maximum of estimates is not (van Hasselt, "Double Q-learning", NIPS 2010).
 *
 * A row: four counts and sums of all that touched it (see below), then for each half and state a block: Σwv² of the first reward;
 * for each step k, Σw and Σwv of the k-th reward; Σw of episodes that ended within `steps`; Σw by the state `steps` later.
 * v is the reward in units of the largest that the range allows, so that 0, what is earned after the end, stays 0.
 */
export type Transitions = Decayed;

/** How often the row was touched, undecayed: by outcomes of its arm, and by those of decisions after it. */
export const TOUCHES = 0;
/** Outcomes of decisions for this arm, undecayed. */
export const OWN = 1;
/** Σw over the touches. */
export const W = 2;
/** Σw² over the touches. */
export const WW = 3;
const HEAD = 4;
const COUNTS = 2;
const SLACK = 1e-6;

export interface TransitionsOptions {
  /** How many states there are. */
  readonly states: number;
  /** How many rewards of a path are summed up before the state that it led to is valued: n of n-step returns. */
  readonly steps: number;
  /** Declared range of the reward. */
  readonly range: readonly [number, number];
  readonly halfLifeMs?: number | undefined;
}

/** One decision, as those after it remember it. */
export interface Visit {
  readonly state: number;
  readonly armKey: string;
}

/** What one outcome says. */
export interface Step extends Visit {
  /** Half of the episodes that this one belongs to. */
  readonly half: 0 | 1;
  readonly reward: number;
  /** Sampling weight; below 0 it takes the same step back. */
  readonly weight: number;
  /** Tree time of the decision, ms. */
  readonly atMs: number;
  /** Whether the episode ended with it. */
  readonly done: boolean;
  /** The decisions of the episode just before it, the last one first; at most `steps` of them are read. */
  readonly before: readonly Visit[];
  /** Keys of the arms that there are: rows of others make room first. */
  readonly living?: readonly string[] | undefined;
}

export interface TransitionsEvidence extends Evidence<Transitions> {
  readonly states: number;
  readonly steps: number;
  /** Largest magnitude of a reward: what v is measured in. */
  readonly largest: number;
  readonly halfLifeMs: number | undefined;
  /** Where the block of a half and state begins in a row. */
  at(half: number, state: number): number;
  subtract(a: Transitions, b: Transitions): Transitions;
  /** Folds one step in, in place. One to be taken back whose rows have made room since is ignored: see `forgot`. */
  record(own: Transitions, step: Step): void;
  /** Whether what this step has taught is no longer all here, for rows have made room: it can't be taken back then. */
  forgot(own: Transitions, step: Step): boolean;
  /** What a landmark at `nowMs` would make of the sums. */
  decayTo(evidence: Transitions, nowMs: number): number;
}

/** Where Σwv² of the first reward stands in a block. */
export const SQUARES = 0;
/** Where Σw of the k-th reward stands in a block. */
export const weightOf = (k: number): number => 1 + 2 * k;
/** Where Σwv of the k-th reward stands in a block. */
export const rewardOf = (k: number): number => 2 + 2 * k;
/** Where Σw of episodes that ended stands in a block; behind it Σw by the state that was led to. */
export const endOf = (steps: number): number => 1 + 2 * steps;

const blockLength = (states: number, steps: number): number => endOf(steps) + 1 + states;
const rowLength = (states: number, steps: number): number => HEAD + 2 * states * blockLength(states, steps);

/** Most rows (arms) that fit the limit on encoded evidence, however full they are. */
export function mostRows(states: number, steps: number, limits: Limits = DEFAULT_LIMITS): number {
  const bytes = 8 * rowLength(states, steps) + limits.nameLength + 64;
  return Math.min(limits.arms, Math.floor((limits.evidenceBytes - 16) / bytes));
}

/** Bytes that an arm takes in memory. */
export const bytesOfRow = (states: number, steps: number): number => 8 * rowLength(states, steps);

/** Transition statistics of this many states and steps. */
export function transitions(options: TransitionsOptions): TransitionsEvidence {
  const { states, steps, range, halfLifeMs } = options;
  const block = blockLength(states, steps);
  const shape: RowShape = {
    length: rowLength(states, steps),
    weight: W,
    squares: WW,
    counts: COUNTS,
    most: mostRows(states, steps),
    halfLifeMs,
    settle: (row) => settle(row, block, steps),
  };
  const made: TransitionsEvidence = {
    name: 'transitions/1',
    states,
    steps,
    largest: Math.max(Math.abs(range[0]), Math.abs(range[1])),
    halfLifeMs,
    at: (half, state) => HEAD + (half * states + state) * block,
    zero: () => ({ landmarkMs: 0, arms: new Map() }),
    add: (a, b) => combine(shape, a, b, 1),
    subtract: (a, b) => combine(shape, a, b, -1),
    scale: (evidence, weight) => scaled(shape, evidence, weight),
    outcomes: ({ arms }) => sumOf(arms, OWN),
    record: (own, step) => record(shape, made, own, step),
    forgot: (own, step) => forgot(made, own, step),
    decayTo: (evidence, nowMs) => fadeAt(shape, evidence, nowMs),
    inFuture: (evidence, nowMs, slackMs, heaviest) => fromFuture(shape, evidence, nowMs, slackMs, heaviest),
    validate: (evidence, limits) =>
      implausibleRows(shape, evidence, limits, (row) => implausible(row, shape.length, block, steps)) ??
      overtouched(shape, evidence, steps),
    encode: (evidence) => encode(evidence),
    decode: (bytes, limits) => decode(shape, bytes, limits),
  };
  return made;
}

function sumOf(arms: Transitions['arms'], at: number): number {
  let total = 0;
  for (const row of arms.values()) total += row[at];
  return total;
}

function record(shape: RowShape, made: TransitionsEvidence, own: Transitions, step: Step): void {
  const { half, reward, weight, done, before, state } = step;
  if (!(Math.abs(reward) + Math.abs(weight) < Infinity)) return;
  const { steps, largest } = made;
  if (weight < 0 && forgot(made, own, step)) return;
  const w = weightAt(shape, own, weight, step.atMs);
  const wv = largest > 0 ? w * Math.max(-1, Math.min(1, reward / largest)) : 0;
  const end = endOf(steps);
  const kept = (key: string): boolean =>
    key === step.armKey || before.some(({ armKey }) => armKey === key) || step.living?.includes(key) === true;
  for (let k = 0; k <= Math.min(steps, before.length); k++) {
    const visit = k === 0 ? step : before[k - 1];
    const row = rowOf(shape, own, visit.armKey, kept);
    const at = made.at(half, visit.state);
    row[TOUCHES] += weight < 0 ? -1 : 1;
    if (k === 0) row[OWN] += weight < 0 ? -1 : 1;
    row[W] += w;
    row[WW] += w * Math.abs(w);
    if (k === steps) row[at + end + 1 + state] += w;
    else {
      row[at + weightOf(k)] += w;
      row[at + rewardOf(k)] += wv;
      if (k === 0 && w !== 0) row[at + SQUARES] += (wv * wv) / w;
      // After the end nothing is earned: rewards of 0 are known, and there is no state to be in.
      if (done) {
        row[at + end] += w;
        for (let later = k + 1; later < steps; later++) row[at + weightOf(later)] += w;
      }
    }
    if (row[TOUCHES] === 0 && own.arms.size >= shape.most) row.fill(0);
    else if (weight < 0 || row[TOUCHES] === 0) settleRow(shape, own.arms, visit.armKey, row);
  }
}

/** By the counts, which are exact: sums of light outcomes may be lost beside heavy ones. */
function forgot({ steps }: TransitionsEvidence, own: Transitions, step: Step): boolean {
  if ((own.arms.get(step.armKey)?.[OWN] ?? 0) < 1) return true;
  const keys = [step.armKey, ...step.before.slice(0, steps).map(({ armKey }) => armKey)];
  return keys.some((key) => {
    const touches = keys.filter((other) => other === key).length;
    return (own.arms.get(key)?.[TOUCHES] ?? 0) < touches;
  });
}

// What cancellation leaves of light outcomes beside heavy ones is moved to the nearest sums that outcomes can have.
function settle(row: Float64Array, block: number, steps: number): void {
  const w = Math.max(row[W], 0);
  row[W] = w;
  row[WW] = between(row[WW], (w * w) / Math.max(1, row[TOUCHES]), w * w);
  for (let at = HEAD; at < row.length; at += block) {
    for (let k = 0; k < steps; k++) {
      const weight = between(row[at + weightOf(k)], 0, w);
      row[at + weightOf(k)] = weight;
      row[at + rewardOf(k)] = between(row[at + rewardOf(k)], -weight, weight);
    }
    row[at + SQUARES] = between(row[at + SQUARES], 0, row[at + weightOf(0)]);
    for (let i = at + endOf(steps); i < at + block; i++) row[i] = between(row[i], 0, w);
  }
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

// Every inequality holds for any real outcomes with weights ≥ 0; the slack is for rounding.
function implausible(row: Float64Array, length: number, block: number, steps: number): string | undefined {
  if (row.length !== length) return 'has other states or steps';
  for (let i = 0; i < row.length; i++)
    if (!Number.isFinite(row[i])) return 'holds numbers that are not finite';
  const [n, own, w, ww] = row;
  if (n < 0 || own < 0 || w < 0 || ww < 0) return 'holds negative sums';
  if (own > n * (1 + SLACK)) return 'has more outcomes than touches';
  if (n === 0 && row.some((value) => value !== 0)) return 'has weight without outcomes';
  if (ww > w * w * (1 + SLACK)) return 'has Σw² above (Σw)²';
  const most = w * (1 + SLACK);
  for (let at = HEAD; at < row.length; at += block) {
    for (let k = 0; k < steps; k++) {
      const weight = row[at + weightOf(k)];
      if (weight < 0 || weight > most) return 'counts a state more often than there were outcomes';
      if (Math.abs(row[at + rewardOf(k)]) > weight + SLACK * w) return 'has rewards beyond their range';
    }
    if (row[at + SQUARES] < 0 || row[at + SQUARES] > row[at + weightOf(0)] + SLACK * w)
      return 'has rewards that vary more than their range allows';
    for (let i = at + endOf(steps); i < at + block; i++)
      if (row[i] < 0 || row[i] > most) return 'leads to a state more often than there were outcomes';
  }
  return undefined;
}

/**
 * One outcome touches what is known of itself and of `steps` decisions before it. Where rows had to make room, the outcomes that
 * touched those that are left may be gone: nothing follows from the sums then.
 */
function overtouched(shape: RowShape, { arms }: Transitions, steps: number): Problem | undefined {
  if (arms.size >= shape.most) return undefined;
  if (sumOf(arms, TOUCHES) <= sumOf(arms, OWN) * (steps + 1) * (1 + SLACK) + SLACK) return undefined;
  return {
    code: 'implausible_evidence',
    field: 'arms',
    message: 'more is known of what came of decisions than their outcomes can tell',
  };
}

/** As rows are encoded elsewhere, but for the zeros: most states never lead to most others, so runs of them are counted. */
function encode(evidence: Transitions): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.float64(evidence.landmarkMs).varint(evidence.arms.size);
  for (const key of [...evidence.arms.keys()].sort()) {
    writer.text(key);
    const row = evidence.arms.get(key) as Float64Array;
    for (let at = 0; at < row.length; ) {
      let from = at;
      while (from < row.length && row[from] === 0) from++;
      let to = from;
      while (to < row.length && row[to] !== 0) to++;
      writer.varint(from - at).varint(to - from);
      for (let i = from; i < to; i++) writer.float64(row[i]);
      at = to;
    }
  }
  return writer.finish();
}

function decode(shape: RowShape, bytes: Uint8Array, limits: Limits): Transitions {
  const reader = new ByteReader(bytes, limits.evidenceBytes);
  const landmarkMs = reader.finite();
  const arms = new Map<string, Float64Array>();
  let previous = '';
  // Zeros take no room on the wire: what they take in memory is bounded by the rows that evidence may have.
  const rows = reader.count(Math.min(limits.arms, shape.most), 3);
  for (let i = 0; i < rows; i++) {
    // An arm key is an id, '#' and a generation.
    const key = reader.text(limits.nameLength + 20);
    if (i > 0 && !(key > previous)) reader.fail('the arms are not in order');
    previous = key;
    const row = new Float64Array(shape.length);
    for (let at = 0; at < row.length; ) {
      const zeros = reader.varint(row.length - at);
      const values = reader.varint(row.length - at - zeros);
      if ((zeros === 0 && at > 0) || (values === 0 && at + zeros < row.length))
        reader.fail('the runs of zeros are not the longest');
      at += zeros;
      for (const end = at + values; at < end; at++) {
        row[at] = reader.finite();
        if (row[at] === 0) reader.fail('a zero stands outside its run');
      }
    }
    arms.set(key, row);
  }
  reader.end();
  return { landmarkMs, arms };
}
