import { GanglionError } from '../../errors.ts';

/**
 * Logged decisions as columns, one row a decision: what off-policy evaluation reads. What the log's policy did is
 * known with its propensity; what the candidate *would* have done is known as a probability; the reward is known for
 * what was done, and for nothing else.
 */
export interface LoggedColumns {
  /** Reward of the arm that was executed. */
  readonly reward: Float64Array;
  /** Probability with which the log's policy executed it, in (0, 1]; NaN where it is unknown. */
  readonly propensity: Float64Array;
  /** Probability with which the candidate would have executed the same arm in the same context, in [0, 1]. */
  readonly candidate: Float64Array;
  /** What a model makes of the rewards, for the estimators that use one. */
  readonly model?: ModelColumns | undefined;
}

/** Predictions of a reward model that has not seen the rows it predicts (see `reward-model.ts`). */
export interface ModelColumns {
  /** q̂(xᵢ, aᵢ): reward predicted for the arm that was executed. */
  readonly taken: Float64Array;
  /** Σₐ π(a|xᵢ) q̂(xᵢ, a): reward predicted for the candidate. */
  readonly expected: Float64Array;
}

/** Rows with a known propensity, and the weight of each. */
export interface Sample {
  readonly n: number;
  readonly reward: Float64Array;
  /** wᵢ = π(aᵢ|xᵢ) / p(aᵢ|xᵢ), clipped where asked. */
  readonly weight: Float64Array;
  readonly model: ModelColumns | undefined;
  /** Rows left out because nobody knows their propensity. */
  readonly unknown: number;
  /** Share of the weight that clipping took, in [0, 1]. */
  readonly clipped: number;
}

export interface SampleOptions {
  /** Weights above this count as this (it biases the estimate, and `clipped` says by how much mass). Default: none. */
  readonly clip?: number | undefined;
  /** Range a reward must lie in. */
  readonly range?: readonly [number, number] | undefined;
}

/** Fourth powers of a weighted reward, summed over a log, stay finite. */
const LARGEST = 1e60;

/**
 * Checks a log and takes what can be evaluated.
 *
 * @throws GanglionError `invalid_input`, naming column and row (from 0): columns of unequal length, propensities
 * outside (0, 1], candidate probabilities outside [0, 1], rewards that are not finite, outside the declared range, or beyond 10⁶⁰ when they are
 * weighted.
 */
export function sampleOf(columns: LoggedColumns, options: SampleOptions = {}): Sample {
  const { reward, propensity, candidate, model } = columns;
  const { clip = Infinity, range = [-Infinity, Infinity] } = options;
  if (!(clip > 0)) throw wrong('clip', clip, 'Give a positive bound on the weights.');
  checkLengths(columns);
  let known = 0;
  for (let i = 0; i < reward.length; i++) {
    checkRow(columns, i, range);
    if (!Number.isNaN(propensity[i])) known++;
  }
  const whole = known === reward.length;
  const weight = new Float64Array(known);
  let raw = 0;
  let kept = 0;
  for (let i = 0, at = 0; i < reward.length; i++) {
    if (Number.isNaN(propensity[i])) continue;
    const ratio = candidate[i] / propensity[i];
    weight[at] = Math.min(ratio, clip);
    if (Math.abs(reward[i]) * Math.max(1, weight[at]) > LARGEST)
      throw wrong(
        `reward[${i}]`,
        reward[i],
        'Give rewards in a larger unit: its square is beyond reckoning.',
      );
    raw += ratio;
    kept += weight[at++];
  }
  const pick = (column: Float64Array): Float64Array =>
    whole ? column : column.filter((_, i) => !Number.isNaN(propensity[i]));
  return {
    n: known,
    reward: pick(reward),
    weight,
    model: model === undefined ? undefined : { taken: pick(model.taken), expected: pick(model.expected) },
    unknown: reward.length - known,
    clipped: raw > 0 ? (raw - kept) / raw : 0,
  };
}

function checkLengths({ reward, propensity, candidate, model }: LoggedColumns): void {
  const columns = { propensity, candidate, ...model };
  for (const [name, column] of Object.entries(columns))
    if (column.length !== reward.length)
      throw wrong(name, column.length, `Give one value a row: there are ${reward.length} rewards.`);
}

function checkRow(columns: LoggedColumns, i: number, range: readonly [number, number]): void {
  const { reward, propensity, candidate, model } = columns;
  const r = reward[i];
  if (!Number.isFinite(r)) throw wrong(`reward[${i}]`, r, 'Leave out rows whose outcome never came.');
  if (r < range[0] || r > range[1])
    throw wrong(
      `reward[${i}]`,
      r,
      `Rewards lie in [${range[0]}, ${range[1]}]; declare a wider range if this is right.`,
    );
  const p = propensity[i];
  if (p <= 0 || p > 1)
    throw wrong(
      `propensity[${i}]`,
      p,
      'What was executed had a probability above 0 and at most 1; leave it empty where it is unknown.',
    );
  const c = candidate[i];
  if (!(c >= 0 && c <= 1)) throw wrong(`candidate[${i}]`, c, 'A probability lies in [0, 1].');
  if (model !== undefined && !(Number.isFinite(model.taken[i]) && Number.isFinite(model.expected[i])))
    throw wrong(
      `model[${i}]`,
      model.taken[i],
      'The reward model must predict a finite number for every row.',
    );
}

function wrong(field: string, value: unknown, mend: string): GanglionError {
  return new GanglionError('invalid_input', `${field} is not usable`, { field, value, mend });
}
