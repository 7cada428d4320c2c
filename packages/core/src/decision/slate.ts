import { choice, given, number, type Options, object, onlyKeys, refuse, text } from '../options.ts';
import { exp, log } from '../stats/math.ts';
import type { ArmSpec } from './spec.ts';

/** A point that ranks: how many positions there are, and what makes a list of arms better than its arms. */
export interface CompiledSlate {
  readonly positions: number;
  readonly diversity: Diversity | undefined;
  /** What the evidence depends on. */
  readonly shape: unknown;
}

export interface Diversity {
  /** How strongly a penalty of 1 lowers the odds of an arm: by e^strength. */
  readonly strength: number;
  /** In [0, 1] or so, of arm `a` below those shown. Allocates nothing. */
  penalty(a: number, shown: readonly number[]): number;
}

/** What a decision may know of the slate it is a position of; one a point, reused. */
export interface SlateState {
  /** 0 for the first position, and for decisions of their own. */
  position: number;
  /** Counter of the decision of the first position: by its chance the whole list is assigned where there is no unit. */
  first: number;
  /** Arms above this position. */
  readonly shown: number[];
  /** The proposal as it was before diversity had its say, and after. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** How many slates there were; of how many the cost of diversity is known, and its sum in expected reward. */
  slates: number;
  costed: number;
  costSum: number;
}

export const slateState = (arms: number): SlateState => ({
  position: 0,
  first: 0,
  shown: [],
  before: new Float64Array(arms),
  after: new Float64Array(arms),
  slates: 0,
  costed: 0,
  costSum: 0,
});

const MOST_ROWS = 1024;

/** Reads `slate: { positions, examination, diversity }`. @throws GanglionError `invalid_spec` */
export function compileSlate(raw: Options, arms: readonly ArmSpec[]): CompiledSlate | undefined {
  if (!given(raw, 'slate')) return undefined;
  const slate = object(raw.slate, 'slate');
  onlyKeys(slate, ['positions', 'examination', 'diversity'], 'slate');
  const positions = number(slate, 'positions', { min: 1, max: 100, integer: true }, 'slate');
  if (positions > arms.length)
    refuse('slate', 'positions', positions, 'are more than there are arms', `Give at most ${arms.length}.`);
  if (positions * arms.length > MOST_ROWS)
    refuse(
      'slate',
      'positions',
      positions,
      'are too many for so many arms',
      `Arms × positions: at most ${MOST_ROWS}.`,
    );
  if (given(raw, 'sticky') && raw.sticky !== 'none')
    refuse('', 'sticky', raw.sticky, 'does not go with slate', 'Leave one of them out.');
  return {
    positions,
    diversity: given(slate, 'diversity')
      ? compileDiversity(object(slate.diversity, 'slate.diversity'), arms)
      : undefined,
    shape: slate.positions,
  };
}

function compileDiversity(options: Options, arms: readonly ArmSpec[]): Diversity {
  const path = 'slate.diversity';
  const kind = choice(options, 'kind', ['mmr', 'calibrated'], undefined, path);
  const strength = number(options, 'strength', { min: 0, max: 100, default: 2 }, path);
  if (arms.some(({ features }) => features === undefined))
    refuse(path, '', options, 'needs features of every arm', 'Declare arms as { id, features }.');
  if (kind === 'mmr') {
    onlyKeys(options, ['kind', 'strength'], path);
    return { strength, penalty: maximalSimilarity(arms) };
  }
  onlyKeys(options, ['kind', 'strength', 'feature', 'target'], path);
  const feature = text(options, 'feature', undefined, path);
  const values = arms.map(({ features }) => String(features?.[feature]));
  const target = object(options.target, path, 'target');
  onlyKeys(target, values, `${path}.target`);
  const names = Object.keys(target);
  const shares = names.map((name) => number(target, name, { min: 0 }, `${path}.target`));
  const sum = shares.reduce((total, share) => total + share, 0);
  if (!(sum > 0))
    refuse(path, 'target', target, 'has no share', 'Give a value of the feature a share above 0.');
  const group = Int32Array.from(values, (value) => names.indexOf(value));
  return {
    strength,
    penalty: divergence(
      shares.map((share) => share / sum),
      group,
    ),
  };
}

const featureOf = ({ features }: ArmSpec, name: string): string | number | undefined =>
  features !== undefined && Object.hasOwn(features, name) ? features[name] : undefined;

/**
 * Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): the similarity to the most similar arm above. Alike
 * is Gower's (Biometrics 1971): by feature 1 where texts are equal, 1 − |difference| / spread for numbers, averaged.
 */
function maximalSimilarity(arms: readonly ArmSpec[]): Diversity['penalty'] {
  const names = [...new Set(arms.flatMap(({ features }) => Object.keys(features ?? {})))];
  const spread = names.map((name) => {
    const numbers = arms.map((arm) => featureOf(arm, name)).filter((each) => typeof each === 'number');
    return numbers.length === 0 ? 0 : Math.max(...numbers) - Math.min(...numbers);
  });
  const k = arms.length;
  const alike = new Float64Array(k * k);
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++) {
      let sum = 0;
      names.forEach((name, f) => {
        const [x, y] = [featureOf(arms[i], name), featureOf(arms[j], name)];
        if (x === y) sum += x === undefined ? 0 : 1;
        else if (typeof x === 'number' && typeof y === 'number') sum += 1 - Math.abs(x - y) / spread[f];
      });
      alike[i * k + j] = names.length === 0 ? 0 : sum / names.length;
    }
  return (a, shown) => {
    let most = 0;
    for (let i = 0; i < shown.length; i++) most = Math.max(most, alike[a * k + shown[i]]);
    return most;
  };
}

/** A list is never sure to lack a group: shares are mixed with so much of the target (Steck, RecSys 2018). */
const SMOOTHING = 0.01;

/**
 * Calibrated recommendations (Steck, RecSys 2018): the Kullback–Leibler divergence of the groups in the list, with this
 * arm in it, from the target. Every position counts alike.
 */
function divergence(target: readonly number[], group: Int32Array): Diversity['penalty'] {
  return (a, shown) => {
    const n = shown.length + 1;
    let sum = 0;
    for (let g = 0; g < target.length; g++) {
      if (target[g] === 0) continue;
      let count = group[a] === g ? 1 : 0;
      for (let i = 0; i < shown.length; i++) if (group[shown[i]] === g) count++;
      const share = (1 - SMOOTHING) * (count / n) + SMOOTHING * target[g];
      sum += target[g] * log(target[g] / share);
    }
    return sum;
  };
}

/** Arms above this position are not allowed again. Our own draws made them, so outcomes train all the same. */
export function withholdShown(slate: SlateState, input: { allowed: Uint8Array; allowedCount: number }): void {
  for (let i = 0; i < slate.shown.length; i++)
    if (input.allowed[slate.shown[i]] === 1) {
      input.allowed[slate.shown[i]] = 0;
      input.allowedCount--;
    }
}

/**
 * The explicit step between proposal and draw: p ← p · e^(−strength · penalty), scaled to sum to 1. A soft re-ranking, so
 * that the probability that is recorded stays the true one.
 */
export function diversify(
  diversity: Diversity,
  slate: SlateState,
  p: Float64Array,
  allowed: Uint8Array,
  arms: number,
): void {
  let sum = 0;
  // The least penalty counts as none: only differences matter, and nothing can vanish altogether.
  let least = Infinity;
  for (let a = 0; a < arms; a++) {
    slate.before[a] = p[a];
    if (allowed[a] === 1 && p[a] > 0) least = Math.min(least, diversity.penalty(a, slate.shown));
  }
  for (let a = 0; a < arms; a++) {
    slate.after[a] =
      allowed[a] === 1 && p[a] > 0
        ? p[a] * exp(-diversity.strength * (diversity.penalty(a, slate.shown) - least))
        : 0;
    sum += slate.after[a];
  }
  for (let a = 0; a < arms; a++) p[a] = slate.after[a] /= sum;
}
