import type { GuardInput } from '../guard.ts';
import { number, type Options, text } from '../options.ts';
import { mix32, saltOf } from '../stats/hash.ts';

/** A layer of assignment: which hash of the unit it looks at, and what it calls a unit. */
export interface Layer {
  /** Hash of (`salt` or the point, the layer's name, the generation); see `stats/hash.ts`. */
  readonly salt: number;
  /** For people only: `user`, `session`. */
  readonly unit: string;
}

/** Options that every layer of assignment reads. */
export const LAYER_OPTIONS = ['unit', 'salt', 'generation'] as const;

/**
 * Reads `salt` (default: the point's name; points with the same salt share their layer), `generation` (a whole
 * number, default 0; a new one draws the cohorts anew) and `unit` (what a unit is, for people).
 */
export function readLayer(options: Options, name: string, point: string, path: string): Layer {
  const salt = text(options, 'salt', point, path);
  const generation = number(options, 'generation', { min: 0, max: 1e9, integer: true, default: 0 }, path);
  return { salt: saltOf(salt, name, generation), unit: text(options, 'unit', 'unit', path) };
}

/**
 * Where this decision falls in the layer: uniform in [0, 2³²). Stable for a unit. Without a unit the decision's own
 * chance stands in for its hash and passes the same salt, so that layers stay unrelated to each other there too: with
 * the raw variate, nobody beyond a holdout of 5 % would ever fall into a rollout of 1 %.
 */
export function placeIn(layer: Layer, input: GuardInput): number {
  return mix32(input.unit === '' ? Math.floor(input.chance * 4294967296) : input.unitHash, layer.salt);
}
