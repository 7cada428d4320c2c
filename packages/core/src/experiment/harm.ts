import type { ComparedMetric, Comparison } from '../comparison.ts';
import { log } from '../stats/math.ts';
import type { ExperimentMetric } from '../status.ts';
import { type Counts, undirected, unheard } from './unheard.ts';
import { controlOf, isTie, UNTOLD, untoldIn } from './untold.ts';

/**
 * What is known of the harm that a variant does to a guardrail: non-inferiority, and its opposite, by the one interval.
 *
 * A variant ships only when harm beyond the margin is excluded for every guardrail that declares a margin. All of these
 * tests must pass, so an inferior one ships with the error of a single test however many there are (an intersection-union
 * test; Berger 1982; for guardrails Schultzberg, Ankargren, Frånberg, "Risk-aware product decisions in A/B tests with multiple
 * metrics", 2024). And as intervals that are always valid hold at all times together, harm shown once and excluded later is
 * a miss of that interval: advice goes from stop to ship, or back, for such a guardrail in at most a share α of
 * experiments, though nobody keeps what was said before.
 */
type VariantMetric = ExperimentMetric['variants'][number];

/** At which level something may be said: undefined where no look has been. `range`: of one outcome, where it has one. */
interface Asked {
  readonly alpha: number | undefined;
  readonly range: readonly [number, number] | undefined;
}

/** Adds to every variant of a guardrail what is known of its harm; to others nothing. */
export function withHarm(
  metric: ComparedMetric,
  variants: readonly VariantMetric[],
  asked: Asked,
): readonly VariantMetric[] {
  if (!metric.guardrail) return variants;
  const control = controlOf(variants);
  return variants.map((variant) =>
    variant === control ? variant : { ...variant, harm: harmOf(metric, variant, control, asked) },
  );
}

function harmOf(
  metric: ComparedMetric,
  variant: VariantMetric,
  control: VariantMetric | undefined,
  asked: Asked,
): NonNullable<VariantMetric['harm']> {
  if (variant.verdict === 'worse') return 'shown';
  if (metric.assumed !== undefined || variant.mean.n === 0 || !((control?.mean.n ?? 0) > 0)) return 'unknown';
  const most = mostOf(metric, variant);
  if (most === undefined) return isTieExcluded(metric, variant, control, asked) ? 'excluded' : 'open';
  return most.harm <= metric.margin ? 'excluded' : 'open';
}

/**
 * All outcomes of both were the same, so there is no interval; but what has not come yet may come. Where it is a share p of one
 * and q of the other, as many of each have been the same with a probability of at most e^(−n (p + q)), whenever that is
 * asked: so p + q is at most ln(1/α)/n, the rule of three, and the harm that much of how far an outcome may be off. Where no range
 * says how far, it is as far as what came is from 0, and at least 1: an event that has not been seen.
 */
function isTieExcluded(
  { margin }: ComparedMetric,
  variant: VariantMetric,
  control: VariantMetric | undefined,
  { alpha, range }: Asked,
): boolean {
  if (alpha === undefined || !isTie(variant, control)) return false;
  // Without a margin nothing waits for it.
  if (margin === 0) return true;
  const value = variant.mean.mean ?? 0;
  const off =
    range === undefined ? Math.max(1, Math.abs(value)) : Math.max(range[1] - value, value - range[0]);
  return (-log(alpha) / Math.min(variant.mean.n, control?.mean.n ?? 0)) * off <= margin;
}

/** The most harm that the interval still holds, and the most good, in the metric's units; undefined where there is none. */
function mostOf(
  { better }: Pick<ComparedMetric, 'better'>,
  { difference }: VariantMetric,
): { readonly harm: number; readonly good: number } | undefined {
  const { low = null, high = null } = difference ?? {};
  if (low === null || high === null) return undefined;
  return better === 'higher' ? { harm: -low, good: high } : { harm: high, good: -low };
}

// Without a margin an interval is never whole on the good side where there is no effect. Three quarters of it on the other are
// a point estimate half its half-width away from none, which chance alone does at about one look in twenty.
const LEANING = 3;

/** Why a variant cannot ship yet, for this guardrail; undefined: it may. As people read it. */
export function obstacle(
  comparison: Comparison,
  metric: ExperimentMetric,
  variant: string,
  counts: Counts,
): string | undefined {
  const result = metric.variants.find((each) => each.variant === variant);
  if (result === undefined || result.harm === 'excluded') return undefined;
  if (metric.assumed === true) return undirected(metric);
  const silent = unheard(comparison, metric, counts);
  if (silent !== undefined) return silent;
  if (untoldIn([metric]) !== undefined) return `${metric.metric} ${UNTOLD}`;
  const most = mostOf(metric, result);
  if (most === undefined && isTie(result, controlOf(metric.variants)))
    return `${metric.metric} has been the same in all, of too few to exclude harm beyond its margin of ${shown(metric.margin)}`;
  if (most === undefined) return `too few values of ${metric.metric} have come for an interval`;
  const upTo = `it may be worse by up to ${shown(most.harm)}`;
  if (metric.margin > 0)
    return `harm to ${metric.metric} beyond its margin of ${shown(metric.margin)} is not excluded: ${upTo}`;
  if (most.harm <= LEANING * most.good) return undefined;
  return `${metric.metric} leans to harm, and has no margin: ${upTo}`;
}

/** What a ship says of the guardrails, after what is better: which hold, and which are not settled and need not be. */
export function caveats(metrics: readonly ExperimentMetric[], variant: string): string {
  const guardrails = metrics.filter(({ guardrail }) => guardrail);
  const within = guardrails.filter(({ margin, variants }) => margin > 0 && isExcluded(variants, variant));
  const open = guardrails.filter(({ margin, variants }) => margin === 0 && !isExcluded(variants, variant));
  const names = within.map(({ metric }) => metric).join(', ');
  const holds = within.length === 0 ? '' : `, and ${names} within the margin`;
  const undecided = open.map((metric) => {
    const result = metric.variants.find((each) => each.variant === variant);
    const harm = (result && mostOf(metric, result)?.harm) ?? Number.NaN;
    return `, though ${metric.metric} is undecided: it may be worse by up to ${shown(harm)}, and without a margin nothing waits for it`;
  });
  return holds + undecided.join('');
}

const isExcluded = (variants: readonly VariantMetric[], name: string): boolean =>
  variants.some(({ variant, harm }) => variant === name && harm === 'excluded');

const shown = (value: number): string => String(Number(value.toPrecision(3))).replace('-', '−');
