import type { Comparison } from '../comparison.ts';
import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import {
  choice,
  duration,
  given,
  list,
  number,
  type Options,
  parseShare,
  refuse,
  rejectUnknown,
  text,
} from '../options.ts';
import type { Factory } from '../registry.ts';
import { comparisonKey, readMetrics } from './comparing.ts';
import { LAYER_OPTIONS, placeIn, readLayer } from './layer.ts';
import { percent } from './words.ts';

/**
 * Rollout: the policy reaches a growing share of the units, stage by stage. Cohorts are nested: who is in at one stage
 * is in at every later one. Those who are out get the baseline, without exploration, as stratum `rollout:out`.
 *
 * - `stages`: shares in [0, 1], rising; default `[1%, 5%, 25%, 100%]`.
 * - `stage`: which of them holds now, counted from 0; default 0. Moving on is a new version of the spec.
 * - `unit`, `salt`, `generation`: as for the holdout, with a hash of its own (layer `rollout`).
 * - `guardrails`: metrics (as an experiment's) that must not get worse than those of the units that are out, by more than
 *   `margin`. With them the tree's root moves on by itself, once a stage has lasted `dwell` (default 1h) and `minOutcomes`
 *   (default 1000) rolled-out units have counted; and takes it back as soon as an always-valid interval says
 *   that a guardrail is broken. A sound rollout is ever taken back with probability 5 %, over all stages and guardrails.
 * - `count`: `unit` (default): the first decision of a unit in a stage counts, for what was assigned is the unit; `decision`:
 *   each counts as if it were another unit's, which is true only where units do not come back.
 * - `reverted`: why it was taken back; then everybody is out. The root writes it; only a person takes it out again. What
 *   was counted still stands then, so another try is another `generation`, or another policy.
 *
 * It applies to the remainder: a unit that another layer has taken (the holdout) is left alone. A unit is in iff its
 * fraction, by the holdout's formula with layer name `rollout`, is below the stage's share. Test vectors (point
 * `checkout`, generation 0): `user-1` 0.612084 · `user-2` 0.455792 · `user-3` 0.367573 · `ünïcode` 0.205505 ·
 * `device/7` 0.188329.
 */
export const rollout: Factory<Guard<null>> = (options, { point, path }) => {
  rejectUnknown(options, KEYS, path);
  const stages = readStages(options, path);
  const stage = number(options, 'stage', { min: 0, max: stages.length - 1, integer: true, default: 0 }, path);
  const layer = readLayer(options, 'rollout', point, path);
  const reverted = given(options, 'reverted') ? text(options, 'reverted', undefined, path, 1000) : undefined;
  const share = reverted === undefined ? stages[stage] : 0;
  const threshold = share * 4294967296;
  const out: Verdict = Object.freeze({
    kind: 'assign',
    guard: 'rollout',
    why:
      reverted === undefined
        ? `not rolled out: stage ${stage}, ${percent(share)} % by ${layer.unit}`
        : 'taken back: nobody is rolled out',
    stratum: 'rollout:out',
    baseline: true,
  });
  return {
    name: 'rollout/1',
    phase: 'assign',
    layer: `rollout ${layer.salt}`,
    ...guarded(options, stages, stage, reverted, path),
    initial: () => null,
    check: (_state: null, input: GuardInput): Verdict =>
      input.stratum === '' && placeIn(layer, input) >= threshold ? out : PASS,
  };
};

const KEYS = ['stages', 'stage', 'guardrails', 'count', 'dwell', 'minOutcomes', 'reverted', ...LAYER_OPTIONS];
// Chance of ever taking back what does no harm.
const ALPHA = 0.05;

/** With guardrails: what is compared in this stage, and how the root is to go on. */
function guarded(
  options: Options,
  stages: readonly number[],
  stage: number,
  reverted: string | undefined,
  path: string,
): Pick<Guard<null>, 'comparisons' | 'rollout'> {
  const dwellMs = duration(options, 'dwell', { min: 0, max: 365 * 86_400_000, default: 3_600_000 }, path);
  const minCounted = number(options, 'minOutcomes', { min: 1, max: 1e9, integer: true, default: 1000 }, path);
  const perUnit = choice(options, 'count', ['unit', 'decision'], 'unit', path) === 'unit';
  if (!given(options, 'guardrails')) return {};
  const metrics = readMetrics(options, 'guardrails', path, true);
  const share = stages[stage];
  // Where a direction was told makes no other outcomes.
  const counted = metrics.map(({ assumed: _, ...metric }) => metric);
  const comparison: Comparison = {
    name: 'rollout',
    key: comparisonKey('rollout', [], [stages, counted, options.salt, options.generation, perUnit]),
    kind: 'rollout',
    variants: [
      { name: 'out', stratum: 'rollout:out', share: 1 - share },
      { name: 'in', stratum: '', share },
    ],
    control: 0,
    metrics,
    covariate: -1,
    perUnit,
    phase: stage,
    analysis: {
      kind: 'sequential',
      alpha: ALPHA / (stages.length * metrics.length),
      horizon: Number.POSITIVE_INFINITY,
      looks: [],
      spending: 'obrien-fleming',
    },
  };
  return {
    // Beside nobody there is nothing to compare with.
    comparisons: share > 0 && share < 1 && reverted === undefined ? [comparison] : [],
    rollout: { stages, stage, dwellMs, minCounted, reverted },
  };
}

function readStages(options: Options, path: string): number[] {
  if (!given(options, 'stages')) return [0.01, 0.05, 0.25, 1];
  const stages = list(options, 'stages', path).map((item, i) => parseShare(item, path, `stages[${i}]`));
  for (let i = 1; i < stages.length; i++)
    if (stages[i] <= stages[i - 1])
      refuse(path, `stages[${i}]`, stages[i], 'is not above the stage before it', 'Give rising shares.');
  return stages;
}
