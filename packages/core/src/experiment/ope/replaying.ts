import { GanglionError } from '../../errors.ts';
import { stream } from '../../stats/random.ts';

/**
 * Replay by rejection: a row is kept where the candidate's draw, were it drawn so that the candidate decides, is the
 * logged one. What is kept has the distribution of the candidate's own traffic, so a policy may even learn from it as
 * it goes. With a uniform log and a candidate that is sure, a row is kept where both chose the same arm: Li, Chu,
 * Langford, Wang, "Unbiased offline evaluation of contextual-bandit-based news article recommendation algorithms"
 * (WSDM 2011). With other propensities a row is kept with probability π(a|x) / (c · p(a|x)), c a bound on that quotient:
 * Mandel, Liu, Brunskill, Popović, "Offline evaluation of online reinforcement learning algorithms" (AAAI 2016).
 */
export interface Replay {
  /** Whether this row is kept. @throws GanglionError `invalid_input` where the weight is above the bound */
  accept(candidate: number, propensity: number): boolean;
  /** Rows asked about. */
  readonly rows: number;
  readonly kept: number;
}

export interface ReplayOptions {
  /** c: no π/p is larger. With a uniform log over K arms, K. */
  readonly bound: number;
  readonly seed: number;
  /**
   * What to do with a row whose weight is above the bound: `refuse` throws; `clip` keeps it surely, which biases the
   * replay toward what the log's policy likes; they are counted.
   */
  readonly above?: 'refuse' | 'clip' | undefined;
}

export interface CountedReplay extends Replay {
  /** Rows whose weight was above the bound. */
  readonly clipped: number;
}

/** A replay as it goes: one draw a row, so that the same seed and log keep the same rows. */
export function replay({ bound, seed, above = 'refuse' }: ReplayOptions): CountedReplay {
  if (!(bound > 0))
    throw new GanglionError('invalid_input', 'bound is not usable', {
      field: 'bound',
      value: bound,
      mend: 'Give the largest quotient of both probabilities; for a uniform log, the number of arms.',
    });
  const draws = stream(seed, 0x7265706c);
  const state = { rows: 0, kept: 0, clipped: 0 };
  return {
    accept(candidate, propensity) {
      const weight = candidate / propensity;
      if (weight > bound * (1 + 1e-12)) {
        if (above === 'refuse')
          throw new GanglionError('invalid_input', 'A weight is above the bound of the replay', {
            field: 'bound',
            value: weight,
            mend: 'Give a larger bound.',
          });
        state.clipped++;
      }
      state.rows++;
      const keep = draws.next() * bound < weight;
      if (keep) state.kept++;
      return keep;
    },
    get rows() {
      return state.rows;
    },
    get kept() {
      return state.kept;
    },
    get clipped() {
      return state.clipped;
    },
  };
}

/** The rewards a fixed candidate keeps of a whole log: their mean is its value. */
export function replayedRewards(
  columns: {
    readonly reward: Float64Array;
    readonly propensity: Float64Array;
    readonly candidate: Float64Array;
  },
  options: ReplayOptions,
): Float64Array {
  const { reward, propensity, candidate } = columns;
  const run = replay(options);
  return reward.filter((_, i) => !Number.isNaN(propensity[i]) && run.accept(candidate[i], propensity[i]));
}
