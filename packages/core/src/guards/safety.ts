import type { Comparison } from '../comparison.ts';
import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import {
  choice,
  duration,
  given,
  number,
  type Options,
  object,
  onlyKeys,
  range as readRange,
  rejectUnknown,
  share,
  text,
} from '../options.ts';
import type { Factory } from '../registry.ts';
import { comparisonKey } from './comparing.ts';
import { LAYER_OPTIONS, placeIn, readLayer } from './layer.ts';
import { percent } from './words.ts';

/**
 * Safety: a net under the policy. A share of the units gets the baseline, and as soon as an always-valid interval says that
 * the policy earns less than the baseline by more than the margin, everybody does. The tree's root decides it, by what
 * the whole tree has counted; it is a new version of the declaration, in the audit.
 *
 * - `margin` (required): how much less is put up with, in units of the metric, ≥ 0.
 * - `share`: of the units that get the baseline to compare with; default 10 %.
 * - `metric`: `reward` (default) or `return`: what an episode earned in all, for policies that learn sequences. Of the reward a
 *   unit's first decision counts (`count: unit`), or each as if it were another unit's (`decision`).
 * - `range`: `[least, most]` of the metric. With it the interval is exact from the first outcome (for `reward` the objective's range
 *   is taken); without it, it holds from 100 outcomes a side, and beyond the range likewise.
 * - `alpha`: chance of ever letting go of a policy that keeps the margin, over all chances it gets; default 5 %.
 * - `retry`: `{ after, most }`: so long after a fall the policy gets another chance, counted anew, at most so many times
 *   (default 1). Without it, or when they are used up, only a person brings it back: take `fallen` out, under a new `generation`.
 * - `fallen`, `falls`: why the net has caught it, and how often. The root writes them.
 * - `unit`, `salt`, `generation`: as for the holdout, with a hash of its own (layer `safety`).
 *
 * What it promises: while it has not fallen, what the policy lost on average lies within the margin and the width of
 * the interval, with probability 1 − alpha at all times at once; and the width goes to 0 as more is counted.
 */
export const safety: Factory<Guard<null>> = (options, { point, path }) => {
  rejectUnknown(options, KEYS, path);
  const held = share(options, 'share', { min: 0.001, max: 0.999, default: 0.1 }, path);
  const layer = readLayer(options, 'safety', point, path);
  const fallen = given(options, 'fallen') ? text(options, 'fallen', undefined, path, 1000) : undefined;
  const falls = number(options, 'falls', { min: 0, max: 1000, integer: true, default: 0 }, path);
  const { retryMs, retries } = readRetry(options, path);
  const alpha = share(options, 'alpha', { min: 1e-6, max: 0.5, default: 0.05 }, path);
  const threshold = held * 4294967296;
  const baseline = (stratum: string, why: string): Verdict =>
    Object.freeze({ kind: 'assign', guard: 'safety', why, stratum, baseline: true });
  const measured = baseline(
    'safety:baseline',
    `what the policy is measured by, ${percent(held)} % by ${layer.unit}`,
  );
  const caught = baseline('safety:fallen', `the policy was worse than the baseline: ${fallen}`);
  return {
    name: 'safety/1',
    phase: 'assign',
    safety: { fallen, falls, retryMs, retries },
    comparisons: fallen === undefined ? [compared(options, held, alpha / (retries + 1), falls, path)] : [],
    initial: () => null,
    check: (_state: null, input: GuardInput): Verdict => {
      if (input.stratum !== '') return PASS;
      if (fallen !== undefined) return caught;
      return placeIn(layer, input) < threshold ? measured : PASS;
    },
  };
};

const KEYS = [
  'margin',
  'share',
  'metric',
  'range',
  'alpha',
  'count',
  'retry',
  'fallen',
  'falls',
  ...LAYER_OPTIONS,
];

function readRetry(options: Options, path: string): { readonly retryMs: number; readonly retries: number } {
  if (!given(options, 'retry')) return { retryMs: Number.POSITIVE_INFINITY, retries: 0 };
  const spec = object(options.retry, path, 'retry');
  const at = `${path}.retry`;
  onlyKeys(spec, ['after', 'most'], at);
  return {
    retryMs: duration(spec, 'after', { min: 1000, max: 400 * 86_400_000 }, at),
    retries: number(spec, 'most', { min: 1, max: 100, integer: true, default: 1 }, at),
  };
}

function compared(options: Options, held: number, alpha: number, falls: number, path: string): Comparison {
  const metric = choice(options, 'metric', ['reward', 'return'], 'reward', path);
  const margin = number(options, 'margin', { min: 0 }, path);
  const range = rangeOf(options, path);
  const perUnit = choice(options, 'count', ['unit', 'decision'], 'unit', path) === 'unit';
  return {
    name: 'safety',
    // The margin may be changed on what was counted; the rest would make other outcomes of it.
    key: comparisonKey(
      'safety',
      [],
      [held, metric, perUnit, range ?? null, options.salt, options.generation],
    ),
    kind: 'rollout',
    variants: [
      { name: 'baseline', stratum: 'safety:baseline', share: held },
      { name: 'policy', stratum: '', share: 1 - held },
    ],
    control: 0,
    metrics: [{ metric, better: 'higher', guardrail: true, margin, range }],
    covariate: -1,
    perUnit: metric === 'reward' && perUnit,
    perEpisode: metric === 'return',
    phase: falls,
    analysis: {
      kind: 'sequential',
      alpha,
      horizon: Number.POSITIVE_INFINITY,
      looks: [],
      spending: 'obrien-fleming',
    },
  };
}

function rangeOf(options: Options, path: string): readonly [number, number] | undefined {
  if (!given(options, 'range')) return undefined;
  return readRange(options.range, `${path}.range`);
}
