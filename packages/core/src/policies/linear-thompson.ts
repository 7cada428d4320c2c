import { blocked, MOST_ROWS, placeOf, type Rectangle } from '../kernels.ts';
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
  type LinearModel,
  linearModel,
  MODEL_OPTIONS,
  predictReading,
  type Reading,
  rateMeans,
  read,
} from './contextual.ts';
import { fillUniform } from './distribution.ts';

/** A bank of posterior samples, the same for every decision of this version. */
export interface BankView {
  readonly reading: Reading;
  /** Twice the pairs: members θ + δ and θ − δ, each a sample of the posterior, for it is symmetric about θ. */
  readonly members: number;
  /** δ of every pair, a row each: `stride` rows a model (arm, or all arms), of which the first are pairs. */
  readonly bank: Rectangle;
  readonly stride: number;
  /** By model: the longest δ. */
  readonly reach: Float64Array;
  /** Scratch: δᵀx of each arm and pair; score of each arm under θ; |x|; arms that are rated. */
  readonly beside: Float64Array;
  readonly centre: Float64Array;
  readonly length: Float64Array;
  readonly scored: Uint8Array;
  /** Scratch: each member's highest score so far, and whose it is: those of θ + δ first. */
  readonly best: Float64Array;
  readonly who: Int32Array;
}

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
  const pairs = Math.ceil(wanted / 8) * 4;
  const model = linearModel(options, input);
  const { encoded } = model;

  const policy: Policy<Linear, BankView | undefined> = {
    name: 'linear-thompson/1',
    evidence: model.evidence,
    additive: true,
    view: (own, others, at) => bankOf(model, read(model, own, others, at, false), pairs, at),
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.reading.arms !== at.arms) {
        fillUniform(at, out);
        return;
      }
      const { reading } = view;
      encoded.context(at.context, reading.x);
      rateCentres(model, view, at);
      const mass = reading.baseline === undefined ? 0 : allowedMass(reading.baseline, at.allowed, at.arms);
      const leader = markCandidates(view, at, mass);
      rateMembers(model, view, at);
      vote(view, at, poll(view, at, leader), out);
      if (comparable(reading.outcomes, out.p, reading.baseline, at.arms))
        out.confidence = agreement(view, at, mass, out);
    },
    predict: (view, at, arm) => predictReading(model, view?.reading, at, arm),
    describe: (view) => (view === undefined ? [] : describeReading(model, view.reading)),
    learn: model.learn,
  };
  return policy as Policy;
};

function bankOf(model: LinearModel, reading: Reading, pairs: number, at: ViewInput): BankView {
  const { arms, dimension, shared, posteriors } = reading;
  const models = shared ? 1 : arms;
  const members = 2 * pairs;
  const stride = blocked(pairs);
  const numbers = new Float64Array(models * stride * dimension);
  const reach = new Float64Array(models);
  const deviation = new Float64Array(dimension);
  for (let each = 0; each < models; each++) {
    // A stream for each arm by its key: an arm that moves in the list keeps its samples.
    const random = stream(at.seed, shared ? 0 : hash32(at.arms[each].key));
    for (let m = 0; m < pairs; m++) {
      drawDeviation(posteriors[each], random, deviation);
      let square = 0;
      for (let i = 0; i < dimension; i++) {
        numbers[placeOf(each * stride + m, i, dimension)] = deviation[i];
        square += deviation[i] * deviation[i];
      }
      reach[each] = Math.max(reach[each], sqrt(square));
    }
  }
  return {
    reading,
    members,
    bank: model.kernels.rectangle(numbers, dimension),
    stride,
    reach,
    beside: new Float64Array(arms * stride),
    centre: new Float64Array(arms),
    length: new Float64Array(arms),
    scored: new Uint8Array(arms),
    best: new Float64Array(members),
    who: new Int32Array(members),
  };
}

/** What the mean of the posterior says of each allowed arm, and how long its x is. */
function rateCentres(model: LinearModel, { reading, centre, length }: BankView, at: PolicyInput): void {
  const { x, dimension, shared, posteriors, columns } = reading;
  if (!shared) {
    rateMeans(model, reading, at, centre);
    length.fill(sqrt(dot(x, x, dimension)));
    return;
  }
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0) continue;
    model.encoded.joint(columns[a], x);
    centre[a] = dot(posteriors[a].theta, x, dimension);
    length[a] = sqrt(dot(x, x, dimension));
  }
}

// Room for rounding: what the bound leaves out may not differ from what every member would have said.
const HAIR = 1 + 1e-9;

/**
 * Marks the arms that some member could rate highest, and those of the baseline: |δᵀx| ≤ |δ| |x|, so an arm
 * that stays below another even at both ends of that cannot win. Leaves nothing out that could matter, however little
 * is known; once much is known it leaves out most. @param mass - of the baseline, on allowed arms.
 * @returns the arm that is highest under the mean.
 */
function markCandidates(view: BankView, at: PolicyInput, mass: number): number {
  const { reading, reach, centre, length, scored } = view;
  const { shared, baseline } = reading;
  let least = -Infinity;
  let leader = -1;
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0) continue;
    const low = centre[a] - reach[shared ? 0 : a] * length[a] * HAIR;
    if (low > least) least = low;
    if (leader < 0 || centre[a] > centre[leader]) leader = a;
  }
  for (let a = 0; a < at.arms; a++) {
    scored[a] = 0;
    if (at.allowed[a] === 0) continue;
    const wins = centre[a] + reach[shared ? 0 : a] * length[a] * HAIR >= least;
    const compared = baseline !== undefined && baselineShare(baseline, a, mass, at.allowedCount) > 0;
    if (wins || compared) scored[a] = 1;
  }
  return leader;
}

/** How far each pair of every marked arm lies beside its mean, in this context. */
function rateMembers(model: LinearModel, view: BankView, at: PolicyInput): void {
  const { reading, bank, stride, scored, beside } = view;
  const { x, dimension, shared, columns } = reading;
  const { kernels, encoded } = model;
  const { sums } = kernels;
  // Arms that stand together are asked about together.
  const most = shared ? 1 : MOST_ROWS / stride;
  for (let a = 0; a < at.arms; a++) {
    if (scored[a] === 0) continue;
    let end = a + 1;
    while (end < at.arms && end - a < most && scored[end] === 1) end++;
    if (shared) {
      encoded.joint(columns[a], x);
      kernels.take(x, dimension);
      bank.multiply(0, stride);
    } else bank.multiply(a * stride, end * stride);
    for (let i = 0, to = a * stride; to < end * stride; i++, to++) beside[to] = sums[i];
    a = end - 1;
  }
}

/**
 * Whom each member rates highest. Returns whether some rate several alike. The leader comes first: most members rate
 * nobody higher, and what is nearly always so costs the processor least.
 */
function poll(view: BankView, at: PolicyInput, leader: number): boolean {
  const { members, stride, scored, centre, beside, best, who } = view;
  const pairs = members >> 1;
  for (let m = 0, from = leader * stride; m < pairs; m++, from++) {
    best[m] = centre[leader] + beside[from];
    best[pairs + m] = centre[leader] - beside[from];
  }
  who.fill(leader);
  let tied = false;
  for (let a = 0; a < at.arms; a++) {
    if (scored[a] === 0 || a === leader) continue;
    const middle = centre[a];
    for (let m = 0, n = pairs, from = a * stride; m < pairs; m++, n++, from++) {
      const up = middle + beside[from];
      const down = middle - beside[from];
      if (up >= best[m]) {
        if (up === best[m]) tied = true;
        else {
          best[m] = up;
          who[m] = a;
        }
      }
      if (down >= best[n]) {
        if (down === best[n]) tied = true;
        else {
          best[n] = down;
          who[n] = a;
        }
      }
    }
  }
  return tied;
}

/** What a member gives an arm. */
function scoreOf({ members, stride, centre, beside }: BankView, arm: number, member: number): number {
  const pairs = members >> 1;
  return member < pairs
    ? centre[arm] + beside[arm * stride + member]
    : centre[arm] - beside[arm * stride + member - pairs];
}

/** Each member's vote goes to the arm it rates highest, split evenly where it rates several alike. */
function vote(view: BankView, at: PolicyInput, tied: boolean, out: Proposal): void {
  const { members, scored, best, who } = view;
  const { p } = out;
  for (let a = 0; a < at.arms; a++) p[a] = 0;
  // Counted before they become shares: many times 1 / members would not add up to 1.
  if (!tied) {
    for (let m = 0; m < members; m++) p[who[m]]++;
    for (let a = 0; a < at.arms; a++) p[a] /= members;
    return;
  }
  for (let m = 0; m < members; m++) {
    let ties = 0;
    for (let a = 0; a < at.arms; a++) if (scored[a] === 1 && scoreOf(view, a, m) === best[m]) ties++;
    for (let a = 0; a < at.arms; a++)
      if (scored[a] === 1 && scoreOf(view, a, m) === best[m]) p[a] += 1 / ties;
  }
  for (let a = 0; a < at.arms; a++) p[a] /= members;
}

/** Share of members that rate the proposal at least as high as the baseline less the margin. */
function agreement(view: BankView, at: PolicyInput, mass: number, out: Proposal): number {
  const { reading, members, stride, scored, centre, beside, best: gain } = view;
  const baseline = reading.baseline!;
  const pairs = members >> 1;
  let middle = reading.margin;
  for (let m = 0; m < pairs; m++) gain[m] = 0;
  for (let a = 0; a < at.arms; a++) {
    if (scored[a] === 0) continue;
    const d = out.p[a] - baselineShare(baseline, a, mass, at.allowedCount);
    if (d === 0) continue;
    middle += d * centre[a];
    for (let m = 0, from = a * stride; m < pairs; m++, from++) gain[m] += d * beside[from];
  }
  let agree = 0;
  for (let m = 0; m < pairs; m++) {
    if (middle + gain[m] >= 0) agree++;
    if (middle - gain[m] >= 0) agree++;
  }
  return agree / members;
}
