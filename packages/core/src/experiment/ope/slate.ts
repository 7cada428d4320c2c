import { GanglionError } from '../../errors.ts';
import { column, meanTerms, type Terms } from './terms.ts';

/**
 * Logged slates: each row of the matrices is a slate of `positions` items, top first. A slate's reward is the sum over
 * its positions.
 */
export interface SlateColumns {
  readonly positions: number;
  /** Row-major: slates × positions. */
  readonly reward: Float64Array;
  /**
   * Row-major. `standard` and `cascade`: probability of the item at its position given those above; `independent`: its
   * marginal probability at that position.
   */
  readonly propensity: Float64Array;
  /** The same under the candidate. */
  readonly candidate: Float64Array;
}

/**
 * What a reward at a position may depend on:
 *
 * - `standard`: the whole slate. Weight: the product over all positions. No assumption, largest variance.
 * - `cascade`: items at and above it. The product down to it: reward interaction IPS of McInerney, Brost, Chandar,
 *   Mehrotra, Carterette, "Counterfactual evaluation of slate recommendations with sequential reward interactions" (KDD 2020).
 * - `independent`: its item and position alone (the item-position click model): Li, Abbasi-Yadkori, Kveton,
 *   Muthukrishnan, Vinay, Wen, "Offline evaluation of ranking policies with click models" (KDD 2018).
 */
export type SlateModel = 'standard' | 'cascade' | 'independent';

/** The value of a slate under the candidate. @throws GanglionError `invalid_input` */
export function slateIps(columns: SlateColumns, model: SlateModel): Terms {
  const { slates, positions, reward } = checked(columns);
  const weights = slateWeights(columns, model);
  return meanTerms(
    column(slates, (i) => {
      let sum = 0;
      for (let k = 0; k < positions; k++) sum += weights[i * positions + k] * reward[i * positions + k];
      return sum;
    }),
  );
}

/**
 * The same, self-normalised over the log as a whole: as McInerney et al. do, each position's rewards are divided by the
 * mean weight of the position, so the sum over positions is one ratio where they are alike (`standard`), and is given a
 * position at a time otherwise.
 */
export function slateSnips(columns: SlateColumns, model: SlateModel): Terms[] {
  const { slates, positions, reward } = checked(columns);
  const weights = slateWeights(columns, model);
  return Array.from({ length: positions }, (_, k) => ({
    mean: undefined,
    n: slates,
    ratio: {
      top: column(slates, (i) => weights[i * positions + k] * reward[i * positions + k]),
      bottom: column(slates, (i) => weights[i * positions + k]),
    },
  }));
}

/** Row-major weights of each position of each slate. */
export function slateWeights(columns: SlateColumns, model: SlateModel): Float64Array {
  const { slates, positions, propensity, candidate } = checked(columns);
  const out = new Float64Array(slates * positions);
  for (let i = 0; i < slates; i++) {
    let product = 1;
    for (let k = 0; k < positions; k++) {
      const at = i * positions + k;
      const ratio = candidate[at] / propensity[at];
      product *= ratio;
      out[at] = model === 'independent' ? ratio : product;
    }
    if (model === 'standard') out.fill(product, i * positions, (i + 1) * positions);
  }
  return out;
}

function checked(columns: SlateColumns): SlateColumns & { readonly slates: number } {
  const { positions, reward, propensity, candidate } = columns;
  const refuse = (field: string, value: unknown, mend: string): never => {
    throw new GanglionError('invalid_input', `${field} is not usable`, { field, value, mend });
  };
  if (!(Number.isInteger(positions) && positions > 0))
    refuse('positions', positions, 'Give a whole number above 0.');
  if (reward.length % positions !== 0)
    refuse('reward', reward.length, `Give ${positions} values a slate; fill empty positions with 0.`);
  for (const [field, values] of Object.entries({ propensity, candidate })) {
    if (values.length !== reward.length) refuse(field, values.length, `Give ${reward.length} values.`);
    for (let i = 0; i < values.length; i++)
      if (!(values[i] >= 0 && values[i] <= 1) || (field === 'propensity' && values[i] === 0))
        refuse(
          `${field}[${i}]`,
          values[i],
          'A probability lies in [0, 1], and what was shown had one above 0.',
        );
  }
  return { ...columns, slates: reward.length / positions };
}
