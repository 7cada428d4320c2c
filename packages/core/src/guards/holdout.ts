import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import { rejectUnknown, share } from '../options.ts';
import type { Factory } from '../registry.ts';
import { LAYER_OPTIONS, placeIn, readLayer } from './layer.ts';
import { percent } from './words.ts';

/**
 * Holdout: a stable share of the units gets the baseline, without learning and without exploration. It is the
 * yardstick for lift, and it is carved out before any other layer.
 *
 * - `share` (required): in [0, 1].
 * - `unit`: what a unit is, for people (`user`).
 * - `salt`: default the point's name. Points that name the same salt hold the same units out. A second holdout of a point
 *   needs a salt or a generation of its own: with the same, the larger alone would count.
 * - `generation`: default 0; a new one draws the holdout anew.
 *
 * A unit is held out iff `murmur3(le32(murmur3(utf8(unit), 0)), salt) / 2³² < share` with
 * `salt = murmur3(utf8(join('\n', [salt or point, 'holdout', generation])), 0)`, MurmurHash3 x86_32. Where there is no
 * unit, the decision's own chance takes the place of the unit's hash: held out anew each time.
 *
 * Test vectors (salt or point `checkout`, generation 0): `user-1` 0.434412 · `user-2` 0.285942 · `user-3` 0.500727 ·
 * `ünïcode` 0.682026 · `device/7` 0.789880. Generation 1: `user-1` 0.852967. Salt `shared`: `user-1` 0.265280.
 */
export const holdout: Factory<Guard<null>> = (options, { point, path }) => {
  rejectUnknown(options, ['share', ...LAYER_OPTIONS], path);
  const held = share(options, 'share', {}, path);
  const layer = readLayer(options, 'holdout', point, path);
  const threshold = held * 4294967296;
  const stay: Verdict = Object.freeze({
    kind: 'assign',
    guard: 'holdout',
    why: `in the holdout, ${percent(held)} % by ${layer.unit}`,
    stratum: 'holdout',
    baseline: true,
  });
  return {
    name: 'holdout/1',
    phase: 'assign',
    layer: `holdout ${layer.salt}`,
    initial: () => null,
    check: (_state: null, input: GuardInput): Verdict =>
      input.stratum === '' && placeIn(layer, input) < threshold ? stay : PASS,
  };
};
