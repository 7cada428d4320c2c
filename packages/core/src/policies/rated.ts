import type { Linear } from '../learners/linear.ts';
import { logisticMean } from '../learners/logistic.ts';
import type { Options } from '../options.ts';
import type { Policy, PolicyInput, Proposal } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { normalCdf } from '../stats/distributions.ts';
import { sqrt } from '../stats/math.ts';
import {
  allowedMass,
  baselineShare,
  comparable,
  describeReading,
  type LinearModel,
  linearModel,
  predictReading,
  type Reading,
  rateMeans,
  read,
} from './contextual.ts';
import { fillUniform } from './distribution.ts';

/** A policy that rates every arm in the context by a model's mean, and then goes by these ratings. */
export interface RatingRule {
  /** Name and version. */
  readonly name: string;
  readonly model: 'linear' | 'logistic';
  /** Whether an arm without one outcome rates above all others. */
  readonly untriedFirst: boolean;
  /** Fills `p` from the ratings, in units of the range; `n` is the effective number of outcomes. Allocates nothing. */
  fill(value: Float64Array, n: number, at: PolicyInput, p: Float64Array): void;
}

/** A reading, with room for the ratings of the decision under way. */
export interface RatedView {
  readonly reading: Reading;
  /** Effective number of outcomes over all arms. */
  readonly n: number;
  readonly value: Float64Array;
}

/** The policy of a rule. */
export function rated(options: Options, input: FactoryInput, rule: RatingRule): Policy {
  const model = linearModel(options, input, rule.model);
  const { encoded } = model;
  const policy: Policy<Linear, RatedView | undefined> = {
    name: rule.name,
    evidence: model.evidence,
    additive: true,
    view: (own, others, at) => ratedView(read(model, own, others, at)),
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.reading.arms !== at.arms) {
        fillUniform(at, out);
        return;
      }
      const { reading, value } = view;
      encoded.context(at.context, reading.x);
      rate(model, view, at);
      const untried = rule.untriedFirst && preferUntried(view, at);
      rule.fill(value, view.n, at, out.p);
      if (!untried && comparable(reading.outcomes, out.p, reading.baseline, at.arms))
        out.confidence = worth(model, reading, value, at, out);
    },
    predict: (view, at, arm) => predictReading(model, view?.reading, at, arm),
    describe: (view) => (view === undefined ? [] : describeReading(model, view.reading)),
    learn: model.learn,
  };
  return policy as Policy;
}

function ratedView(reading: Reading): RatedView {
  const { posteriors, shared, arms } = reading;
  const counted = shared ? posteriors.slice(0, 1) : posteriors;
  return {
    reading,
    n: counted.reduce((sum, { n }) => sum + n, 0),
    value: new Float64Array(arms),
  };
}

/** The mean of each allowed arm's reward, mapped to [−½, ½]. */
function rate(model: LinearModel, { reading, value }: RatedView, at: PolicyInput): void {
  rateMeans(model, reading, at, value);
  if (!model.logistic) return;
  for (let a = 0; a < at.arms; a++) if (at.allowed[a] === 1) value[a] = logisticMean(value[a]);
}

/** Rates allowed arms without an outcome above all others. Returns whether there are any. */
function preferUntried({ reading, value }: RatedView, at: PolicyInput): boolean {
  let any = false;
  for (let a = 0; a < at.arms; a++)
    if (at.allowed[a] === 1 && reading.outcomes[a] < 1) {
      value[a] = Infinity;
      any = true;
    }
  return any;
}

// Beside the arm whose shares differ most, one that differs by less than this part of it adds nothing to the variance
// that anybody could see.
const NEGLIGIBLE = 0.05;

/**
 * P(the proposal is worth at least the baseline less the margin) in this context, by the normal approximation. Values
 * must be those of `rateMeans` (of a logistic model, by its link), and the kernels hold x unless arms share a model. Arms of one shared model vary together: their difference is one direction of its posterior.
 *
 * @param squares - |L⁻¹x|² of arms of which it is known already; below 0 where it is not.
 */
export function worth(
  model: LinearModel,
  reading: Reading,
  value: Float64Array,
  at: PolicyInput,
  out: Proposal,
  squares?: Float64Array,
): number {
  const { x, dimension, shared, posteriors, columns, halves } = reading;
  const baseline = reading.baseline!;
  const mass = allowedMass(baseline, at.allowed, at.arms);
  const { difference } = reading;
  let gain = reading.margin;
  let variance = 0;
  if (shared) difference.fill(0);
  let most = 0;
  for (let a = 0; a < at.arms; a++)
    if (at.allowed[a] === 1)
      most = Math.max(most, Math.abs(out.p[a] - baselineShare(baseline, a, mass, at.allowedCount)));
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0) continue;
    const d = out.p[a] - baselineShare(baseline, a, mass, at.allowedCount);
    if (d === 0) continue;
    gain += d * value[a];
    if (Math.abs(d) < NEGLIGIBLE * most) continue;
    // A logistic value changes with u by p(1 − p).
    const slope = d * (model.logistic ? 0.25 - value[a] * value[a] : 1);
    if (shared) {
      model.encoded.joint(columns[a], x);
      for (let i = 0; i < dimension; i++) difference[i] += slope * x[i];
    } else {
      const known = squares === undefined ? -1 : squares[a];
      const square = known >= 0 ? known : halves[a].squaredLength();
      variance += slope * slope * posteriors[a].variance * square;
    }
  }
  if (shared) {
    model.kernels.take(difference, dimension);
    variance = posteriors[0].variance * halves[0].squaredLength();
  }
  // The proposal is the baseline: as good as it for certain.
  if (!(variance > 0)) return gain >= 0 ? 1 : 0;
  return normalCdf(gain / sqrt(variance));
}
