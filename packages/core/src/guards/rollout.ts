import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import { given, list, number, type Options, parseShare, refuse, rejectUnknown } from '../options.ts';
import type { Factory } from '../registry.ts';
import { LAYER_OPTIONS, placeIn, readLayer } from './layer.ts';
import { percent } from './words.ts';

/**
 * Rollout: the policy reaches a growing share of the units, stage by stage. Cohorts are nested: who is in at one stage
 * is in at every later one. Those who are out get the baseline, without exploration, as stratum `rollout:out`.
 *
 * - `stages`: shares in [0, 1], rising; default `[1%, 5%, 25%, 100%]`.
 * - `stage`: which of them holds now, counted from 0; default 0. Moving on is a new version of the spec.
 * - `unit`, `salt`, `generation`: as for the holdout, with a hash of its own (layer `rollout`).
 *
 * It applies to the remainder: a unit that another layer has taken (the holdout) is left alone. A unit is in iff its
 * fraction, by the holdout's formula with layer name `rollout`, is below the stage's share. Test vectors (point
 * `checkout`, generation 0): `user-1` 0.612084 · `user-2` 0.455792 · `user-3` 0.367573 · `ünïcode` 0.205505 ·
 * `device/7` 0.188329.
 */
export const rollout: Factory<Guard<null>> = (options, { point, path }) => {
  rejectUnknown(options, ['stages', 'stage', ...LAYER_OPTIONS], path);
  const stages = readStages(options, path);
  const stage = number(options, 'stage', { min: 0, max: stages.length - 1, integer: true, default: 0 }, path);
  const layer = readLayer(options, 'rollout', point, path);
  const threshold = stages[stage] * 4294967296;
  const out: Verdict = Object.freeze({
    kind: 'assign',
    guard: 'rollout',
    why: `not rolled out: stage ${stage}, ${percent(stages[stage])} % by ${layer.unit}`,
    stratum: 'rollout:out',
    baseline: true,
  });
  return {
    name: 'rollout/1',
    phase: 'assign',
    initial: () => null,
    check: (_state: null, input: GuardInput): Verdict =>
      input.stratum === '' && placeIn(layer, input) >= threshold ? out : PASS,
  };
};

function readStages(options: Options, path: string): number[] {
  if (!given(options, 'stages')) return [0.01, 0.05, 0.25, 1];
  const stages = list(options, 'stages', path).map((item, i) => parseShare(item, path, `stages[${i}]`));
  for (let i = 1; i < stages.length; i++)
    if (stages[i] <= stages[i - 1])
      refuse(path, `stages[${i}]`, stages[i], 'is not above the stage before it', 'Give rising shares.');
  return stages;
}
