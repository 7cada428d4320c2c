import type { Linear } from '../learners/linear.ts';
import { drawDeviation } from '../learners/linear-posterior.ts';
import { number, rejectUnknown } from '../options.ts';
import type { Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { hash32 } from '../stats/hash.ts';
import { sqrt } from '../stats/math.ts';
import { stream } from '../stats/random.ts';
import {
  allowedMass,
  baselineShare,
  comparable,
  describeReading,
  dot,
  linearModel,
  MODEL_OPTIONS,
  type Reading,
  read,
} from './contextual.ts';
import { fillUniform } from './distribution.ts';

/** A bank of posterior samples, the same for every decision of this version. */
export interface BankView {
  readonly reading: Reading;
  /** Twice the pairs: members θ + δ and θ − δ, each a sample of the posterior, for it is symmetric about θ. */
  readonly members: number;
  /**
   * δ of every pair, four pairs side by side: by model (arm, or all arms), by group of four, by column. Read from first
   * to last, with four sums under way at a time.
   */
  readonly bank: Float64Array;
  /** By model: the longest δ. */
  readonly reach: Float64Array;
  /** Scratch: columns of x that are not 0; score of each arm and member; of each arm under θ; |x|. */
  readonly columns: Int32Array;
  readonly score: Float64Array;
  readonly centre: Float64Array;
  readonly length: Float64Array;
  readonly scored: Uint8Array;
  /** Scratch: each member's highest score so far, and whose it is. */
  readonly best: Float64Array;
  readonly who: Int32Array;
}

// Pairs whose coefficients lie side by side.
const GROUP = 4;

/**
 * `{ kind: linear-thompson, members, features, interactions, armFeatures, missing, halfLife, ridge }`: Thompson sampling
 * for a reward that is linear in the encoded context (Agrawal & Goyal, "Thompson sampling for contextual bandits with
 * linear payoffs", ICML 2013), the noise learned too.
 *
 * A version of the view holds a bank of `members` (default 16) seeded samples of every arm's coefficients, in pairs that
 * mirror each other. An arm's probability is the share of members that rate it highest in this context: exact for what is executed, so it can be
 * evaluated later. The confidence is the share of members that rate the proposal at least as high as the baseline less
 * the margin. One model for each arm, or with `armFeatures` one for all.
 */
export const linearThompson: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['members', ...MODEL_OPTIONS], input.path);
  const wanted = number(options, 'members', { min: 4, max: 256, integer: true, default: 16 }, input.path);
  const pairs = Math.ceil(wanted / (2 * GROUP)) * GROUP;
  const model = linearModel(options, input);
  const { encoded } = model;

  const policy: Policy<Linear, BankView | undefined> = {
    name: 'linear-thompson/1',
    evidence: model.evidence,
    additive: true,
    view: (own, others, at) => bankOf(read(model, own, others, at), pairs, at),
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.reading.arms !== at.arms) {
        fillUniform(at, out);
        return;
      }
      const { reading } = view;
      encoded.context(at.context, reading.x);
      rateMeans(view, at, encoded.joint);
      const mass = reading.baseline === undefined ? 0 : allowedMass(reading.baseline, at.allowed, at.arms);
      markCandidates(view, at, mass);
      vote(view, at, rateMembers(view, at, encoded.joint), out);
      if (comparable(reading.outcomes, out.p, reading.baseline, at.arms))
        out.confidence = agreement(view, at, mass, out);
    },
    describe: (view) => (view === undefined ? [] : describeReading(model, view.reading)),
    learn: model.learn,
  };
  return policy as Policy;
};

function bankOf(reading: Reading, pairs: number, at: ViewInput): BankView {
  const { arms, dimension, shared, posteriors } = reading;
  const models = shared ? 1 : arms;
  const members = 2 * pairs;
  const bank = new Float64Array(models * pairs * dimension);
  const reach = new Float64Array(models);
  const deviation = new Float64Array(dimension);
  for (let model = 0; model < models; model++) {
    // A stream for each arm by its key: an arm that moves in the list keeps its samples.
    const random = stream(at.seed, shared ? 0 : hash32(at.arms[model].key));
    for (let m = 0; m < pairs; m++) {
      drawDeviation(posteriors[model], random, deviation);
      const group = (model * pairs + m - (m % GROUP)) * dimension + (m % GROUP);
      let square = 0;
      for (let i = 0; i < dimension; i++) {
        bank[group + i * GROUP] = deviation[i];
        square += deviation[i] * deviation[i];
      }
      reach[model] = Math.max(reach[model], sqrt(square));
    }
  }
  return {
    reading,
    members,
    bank,
    reach,
    columns: new Int32Array(dimension),
    score: new Float64Array(arms * members),
    centre: new Float64Array(arms),
    length: new Float64Array(arms),
    scored: new Uint8Array(arms),
    best: new Float64Array(members),
    who: new Int32Array(members),
  };
}

type Joint = (arm: Float64Array, x: Float64Array) => void;

/** What the mean of the posterior says of each allowed arm, and how long its x is. */
function rateMeans({ reading, centre, length }: BankView, at: PolicyInput, joint: Joint): void {
  const { x, dimension, shared, posteriors, columns } = reading;
  let xx = shared ? 0 : dot(x, x, dimension);
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0) continue;
    if (shared) {
      joint(columns[a], x);
      xx = dot(x, x, dimension);
    }
    centre[a] = dot(posteriors[a].theta, x, dimension);
    length[a] = sqrt(xx);
  }
}

// Room for rounding: what the bound leaves out may not differ from what every member would have said.
const HAIR = 1 + 1e-9;

/**
 * Marks the arms that some member could rate highest, and those of the baseline: |δᵀx| ≤ |δ| |x|, so an arm
 * that stays below another even at both ends of that cannot win. Leaves nothing out that could matter, however little
 * is known; once much is known it leaves out most. @param mass - of the baseline, on allowed arms.
 */
function markCandidates(view: BankView, at: PolicyInput, mass: number): void {
  const { reading, reach, centre, length, scored } = view;
  const { shared, baseline } = reading;
  let least = -Infinity;
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0) continue;
    const low = centre[a] - reach[shared ? 0 : a] * length[a] * HAIR;
    if (low > least) least = low;
  }
  for (let a = 0; a < at.arms; a++) {
    scored[a] = 0;
    if (at.allowed[a] === 0) continue;
    const wins = centre[a] + reach[shared ? 0 : a] * length[a] * HAIR >= least;
    const compared = baseline !== undefined && baselineShare(baseline, a, mass, at.allowedCount) > 0;
    if (wins || compared) scored[a] = 1;
  }
}

/** Every member's score of every marked arm, and whom it rates highest. Returns whether some rate several alike. */
function rateMembers(view: BankView, at: PolicyInput, joint: Joint): boolean {
  const { reading, members, bank, columns, score, scored, centre, best } = view;
  const { x, dimension, shared } = reading;
  const pairs = members >> 1;
  let tied = false;
  let used = shared ? 0 : occupied(x, dimension, columns);
  for (let m = 0; m < members; m++) best[m] = -Infinity;
  for (let a = 0; a < at.arms; a++) {
    if (scored[a] === 0) continue;
    if (shared) {
      joint(reading.columns[a], x);
      used = occupied(x, dimension, columns);
    }
    const middle = centre[a];
    let from = shared ? 0 : a * pairs * dimension;
    const end = a * members + pairs;
    for (let m = a * members; m < end; m += GROUP, from += GROUP * dimension) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let i = 0; i < used; i++) {
        const column = columns[i];
        const value = x[column];
        const p = from + column * GROUP;
        s0 += value * bank[p];
        s1 += value * bank[p + 1];
        s2 += value * bank[p + 2];
        s3 += value * bank[p + 3];
      }
      score[m] = middle + s0;
      score[m + 1] = middle + s1;
      score[m + 2] = middle + s2;
      score[m + 3] = middle + s3;
      score[m + pairs] = middle - s0;
      score[m + pairs + 1] = middle - s1;
      score[m + pairs + 2] = middle - s2;
      score[m + pairs + 3] = middle - s3;
    }
    if (prefer(view, a)) tied = true;
  }
  return tied;
}

/** Each member's favourite so far, this arm counted. Returns whether some member rates it like the favourite. */
function prefer({ members, score, best, who }: BankView, arm: number): boolean {
  let tied = false;
  for (let m = 0, at = arm * members; m < members; m++, at++) {
    const s = score[at];
    if (s > best[m]) {
      best[m] = s;
      who[m] = arm;
    } else if (s === best[m]) tied = true;
  }
  return tied;
}

/** Columns that are not 0: a one-hot context has few. */
function occupied(x: Float64Array, dimension: number, columns: Int32Array): number {
  let used = 0;
  for (let i = 0; i < dimension; i++) {
    columns[used] = i;
    if (x[i] !== 0) used++;
  }
  return used;
}

/** Each member's vote goes to the arm it rates highest, split evenly where it rates several alike. */
function vote(view: BankView, at: PolicyInput, tied: boolean, out: Proposal): void {
  const { members, score, scored, best, who } = view;
  const { p } = out;
  for (let a = 0; a < at.arms; a++) p[a] = 0;
  const share = 1 / members;
  for (let m = 0; m < members; m++) {
    let ties = 1;
    if (tied) {
      ties = 0;
      for (let a = 0; a < at.arms; a++) if (scored[a] === 1 && score[a * members + m] === best[m]) ties++;
    }
    if (ties === 1) p[who[m]] += share;
    else
      for (let a = 0; a < at.arms; a++)
        if (scored[a] === 1 && score[a * members + m] === best[m]) p[a] += share / ties;
  }
}

/** Share of members that rate the proposal at least as high as the baseline less the margin. */
function agreement(view: BankView, at: PolicyInput, mass: number, out: Proposal): number {
  const { reading, members, score, scored, best: gain } = view;
  const baseline = reading.baseline!;
  for (let m = 0; m < members; m++) gain[m] = reading.margin;
  for (let a = 0; a < at.arms; a++) {
    if (scored[a] === 0) continue;
    const d = out.p[a] - baselineShare(baseline, a, mass, at.allowedCount);
    if (d === 0) continue;
    for (let m = 0, from = a * members; m < members; m++) gain[m] += d * score[from + m];
  }
  let agree = 0;
  for (let m = 0; m < members; m++) if (gain[m] >= 0) agree++;
  return agree / members;
}
