import type { ComparedMetric, Comparison, ComparisonPlan } from '../comparison.ts';
import {
  differenceSequence,
  type Interval,
  MIN_OUTCOMES,
  meanSequence,
  type Sums,
} from '../stats/sequential.ts';
import type { Estimate, ExperimentMetric, ExperimentReport } from '../status.ts';
import { adaptiveDifference, adaptiveMean, adaptiveTest } from './adaptive.ts';
import { type Conclusion, conclude } from './conclude.ts';
import { adjustSums } from './cuped.ts';
import { welchTest } from './fixed-horizon.ts';
import { withHarm } from './harm.ts';
import { asPlanned, countedIn, type Look } from './looks.ts';
import { type Mismatch, mismatch, multinomialMismatch } from './mismatch.ts';
import { mixtureTest } from './mixture-test.ts';
import {
  betsIn,
  centredOn,
  centreOf,
  decisionsIn,
  pairsIn,
  repeatsIn,
  rowKey,
  type Tally,
  wageredOn,
  wagersIn,
  weightedIn,
} from './tally.ts';
import { type Counts, warningsOf } from './unheard.ts';
import type { Bounded } from './wagers.ts';

/** Range of one outcome of a metric, where it has one. */
export type RangeOf = (metric: string) => readonly [number, number] | undefined;

type VariantMetric = ExperimentMetric['variants'][number];

/** An e-value of 100 stops an experiment: a sound one reaches it with probability 1 % in all its life. */
export const MISMATCH_E = 100;

/**
 * What the tally says of a comparison: estimates, whether it can be trusted, and what to do. Where looks are planned, the
 * estimates are as of the look that ended it, or of the last one: `looks` are those that the root has taken.
 */
export function judge(
  declared: Comparison,
  tally: Tally,
  rangeOf: RangeOf,
  looks: readonly Look[] = [],
): ExperimentReport {
  const comparison = asPlanned(declared, looks);
  const { analysis, variants, control, kind } = comparison;
  const decisionsOf = (of: Tally) =>
    variants.map(({ name }) => decisionsIn(of, rowKey('s', comparison, name)));
  const decisions = decisionsOf(tally);
  const repeats = repeatsIn(tally, rowKey('u', comparison, 'units'));
  const { e } = mismatchOf(comparison, tally, repeats);
  const sound = e < MISMATCH_E;
  const { at, ...judgement } =
    analysis.kind === 'sequential'
      ? { ...judgeNow(comparison, tally, rangeOf, sound), at: undefined }
      : judgeLooks(comparison, tally, rangeOf, sound, looks);
  const judged = at && decisionsOf(at.tally);
  return {
    experiment: comparison.name,
    kind,
    analysis: analysis.kind,
    alpha: analysis.alpha,
    horizon: Number.isFinite(analysis.horizon) ? analysis.horizon : null,
    phase: comparison.phase,
    variants: variants.map(({ name, share }, i) => ({
      variant: name,
      control: i === control,
      share: Number.isNaN(share) ? null : share,
      ...decisions[i],
      ...(judged === undefined ? {} : { judged: judged[i].counted }),
    })),
    repeats,
    ...lookReport(analysis, looks),
    mismatch: { e, verdict: sound ? 'sound' : 'mismatch' },
    ...judgement,
  };
}

function lookReport(
  { kind, looks: planned }: ComparisonPlan,
  looks: readonly Look[],
): Pick<ExperimentReport, 'looks'> {
  if (kind === 'sequential') return {};
  return { looks: { planned, taken: looks.map(({ atMs, counted, level }) => ({ atMs, counted, level })) } };
}

type Judgement = Conclusion & Pick<ExperimentReport, 'metrics' | 'warnings'>;

/** How many decisions of each variant count; of units that several nodes counted as many as say as much. */
function countsOf(comparison: Comparison, tally: Tally): Counts {
  const repeats = repeatsIn(tally, rowKey('u', comparison, 'units'));
  return comparison.variants.map(
    ({ name }) => decisionsIn(tally, rowKey('s', comparison, name)).counted / repeats,
  );
}

function judgeNow(
  comparison: Comparison,
  tally: Tally,
  rangeOf: RangeOf,
  sound: boolean,
  look?: Look,
  now = countedIn(comparison, tally),
): Judgement {
  const repeats = repeatsIn(tally, rowKey('u', comparison, 'units'));
  const metrics = comparison.metrics.map((metric) =>
    judgeMetric(comparison, tally, metric, rangeOf, repeats, look?.level),
  );
  const counts = countsOf(comparison, tally);
  const counted = countedIn(comparison, tally);
  return {
    metrics,
    ...warningsOf(comparison, metrics, counts),
    ...conclude(comparison, metrics, { sound, counts, counted, now, looked: look !== undefined }),
  };
}

/** The first look that ends it stands; what came after is not asked. */
function judgeLooks(
  comparison: Comparison,
  tally: Tally,
  rangeOf: RangeOf,
  sound: boolean,
  looks: readonly Look[],
): Judgement & { readonly at: Look | undefined } {
  const now = countedIn(comparison, tally);
  let last: (Judgement & { readonly at: Look }) | undefined;
  for (const look of looks) {
    last = { ...judgeNow(comparison, look.tally, rangeOf, sound, look, now), at: look };
    if (last.decision !== 'keep going') break;
  }
  return last ?? { ...judgeNow(comparison, tally, rangeOf, sound), at: undefined };
}

function mismatchOf(comparison: Comparison, tally: Tally, repeats: number): Pick<Mismatch, 'e'> {
  const { variants, kind } = comparison;
  if (kind !== 'arms') {
    const counts = variants.map(
      ({ name }) => decisionsIn(tally, rowKey('s', comparison, name)).counted / repeats,
    );
    return {
      e: multinomialMismatch(
        counts,
        variants.map(({ share }) => share),
      ),
    };
  }
  const arms = variants.map(({ name }) => betsIn(tally, rowKey('b', comparison, name)));
  return mismatch({ n: arms.reduce((sum, arm) => sum + arm.n, 0), arms });
}

function judgeMetric(
  comparison: Comparison,
  tally: Tally,
  metric: ComparedMetric,
  rangeOf: RangeOf,
  repeats: number,
  level: number | undefined,
): ExperimentMetric {
  const { kind, covariate } = comparison;
  const head = {
    metric: metric.metric,
    better: metric.better,
    guardrail: metric.guardrail,
    margin: metric.margin,
    ...(metric.assumed === undefined ? {} : { assumed: true }),
  };
  if (kind === 'arms') {
    const range = metric.range ?? rangeOf(metric.metric);
    const arms = judgeArms(comparison, tally, metric, range);
    return {
      ...head,
      reduction: null,
      variants: withHarm(metric, arms, { alpha: alphaOf(comparison), range }),
    };
  }
  const declared = metric.range ?? rangeOf(metric.metric);
  const centre = centreOf(metric, declared);
  const named = centredOn(metric.metric, centre);
  const pairs = comparison.variants.map(({ name }) =>
    pairsIn(tally, rowKey('m', comparison, name, named), repeats),
  );
  const adjusted = covariate < 0 ? undefined : adjustSums(pairs);
  // What the covariate has been taken out of, and outcomes beyond the declared range, have no range.
  const bare = covariate >= 0 || pairs.some(({ outside }) => outside > 0);
  const range = bare || declared === undefined ? undefined : about(declared, -centre);
  const variants = judgeVariants(comparison, adjusted?.sums ?? pairs, metric, range, level);
  const alpha = comparison.analysis.kind === 'sequential' ? alphaOf(comparison) : level;
  return {
    ...head,
    reduction: adjusted?.reduction ?? null,
    variants: withHarm(metric, variants.map(moved(centre)), { alpha, range: bare ? undefined : declared }),
  };
}

const about = ([least, most]: readonly [number, number], by: number) => [least + by, most + by] as const;

/** The sums are about the centre of the metric: a mean is what they say, and the centre. */
const moved =
  (centre: number) =>
  (variant: VariantMetric): VariantMetric => {
    if (centre === 0) return variant;
    const { mean, low, high, n } = variant.mean;
    const by = (value: number | null): number | null => (value === null ? null : centre + value);
    return { ...variant, mean: { mean: by(mean), low: by(low), high: by(high), n } };
  };

/** Bonferroni over the variants: the intervals of a metric hold together, all of them at all times. */
const alphaOf = ({ analysis, variants }: Comparison): number =>
  analysis.alpha / Math.max(1, variants.length - 1);

function judgeVariants(
  comparison: Comparison,
  sums: readonly Sums[],
  metric: ComparedMetric,
  range: readonly [number, number] | undefined,
  level: number | undefined,
): VariantMetric[] {
  const { variants, control, analysis } = comparison;
  const alpha = alphaOf(comparison);
  const tightestAt = tightest(comparison);
  const options = { alpha, range, ...(tightestAt === undefined ? {} : { tightestAt }) };
  return variants.map(({ name }, i) => {
    const own = sums[i];
    const mean = estimate(own.n, own.n === 0 ? null : own.sum / own.n, meanSequence(own, { range }));
    if (i === control)
      return { variant: name, mean, difference: null, e: null, p: null, verdict: 'control' as const };
    const other = sums[control];
    const n = own.n + other.n;
    const raw = own.n === 0 || other.n === 0 ? null : own.sum / own.n - other.sum / other.n;
    if (analysis.kind !== 'sequential') {
      // Between its looks there is nothing to look at: that would be another look.
      const test = level === undefined ? undefined : welchTest(own, other, level);
      const difference = estimate(n, raw, test);
      return {
        variant: name,
        mean,
        difference,
        e: null,
        p: test?.p ?? null,
        verdict: verdictOf(difference, metric),
      };
    }
    const difference = estimate(n, raw, differenceSequence(own, other, options));
    const { e, p } = mixtureTest(own, other, { ...options });
    const known = own.n >= MIN_OUTCOMES && other.n >= MIN_OUTCOMES;
    return {
      variant: name,
      mean,
      difference,
      e: known ? e : null,
      p: known ? p : null,
      verdict: verdictOf(difference, metric),
    };
  });
}

function judgeArms(
  comparison: Comparison,
  tally: Tally,
  metric: ComparedMetric,
  range: readonly [number, number] | undefined,
): VariantMetric[] {
  const { variants, control } = comparison;
  const alpha = alphaOf(comparison);
  const centre = centreOf(metric, range);
  const named = centredOn(metric.metric, centre);
  const sums = variants.map(({ name }) => weightedIn(tally, rowKey('a', comparison, name, named)));
  const bounds = boundsOf(comparison, tally, metric, range, centre);
  const judged = variants.map(({ name }, i): VariantMetric => {
    const own = sums[i];
    const of = own.n === 0 ? null : own.rootSum / own.root;
    const mean = estimate(own.n, of, adaptiveMean(own, { bounds: bounds?.[i] }));
    if (i === control)
      return { variant: name, mean, difference: null, e: null, p: null, verdict: 'control' as const };
    const other = sums[control];
    const raw = own.n === 0 || other.n === 0 ? null : own.rootSum / own.root - other.rootSum / other.root;
    const options = { alpha, bounds: bounds && ([bounds[i], bounds[control]] as const) };
    const difference = estimate(own.n + other.n, raw, adaptiveDifference(own, other, options));
    const { e, p } = adaptiveTest(own, other, options);
    const known = own.n >= MIN_OUTCOMES && other.n >= MIN_OUTCOMES;
    return {
      variant: name,
      mean,
      difference,
      e: known ? e : null,
      p: known ? p : null,
      verdict: verdictOf(difference, metric),
    };
  });
  return judged.map(moved(centre));
}

/** What is known of each arm by the range of the metric; nothing where it has none, or an outcome left it. */
function boundsOf(
  comparison: Comparison,
  tally: Tally,
  { metric }: ComparedMetric,
  range: readonly [number, number] | undefined,
  centre: number,
): Bounded[] | undefined {
  if (range === undefined) return undefined;
  const wagers = comparison.variants.map(({ name }) =>
    wagersIn(tally, rowKey('w', comparison, name, wageredOn(metric, range))),
  );
  if (wagers.some(({ outside }) => outside > 0)) return undefined;
  const all = wagers.reduce((sum, { n }) => sum + n, 0);
  return wagers.map((each) => ({ range: about(range, -centre), wagers: each, all }));
}

/** Harmonic number of outcomes at the horizon, where the interval should be tightest. */
function tightest({ analysis, variants, control }: Comparison): number | undefined {
  if (!Number.isFinite(analysis.horizon)) return undefined;
  const others = variants.filter((_, i) => i !== control).map(({ share }) => share);
  const base = variants[control].share;
  const least = Math.min(...others);
  return Math.max(MIN_OUTCOMES, (analysis.horizon * (base * least)) / (base + least));
}

function estimate(n: number, mean: number | null, interval: Interval | undefined): Estimate {
  return { mean, low: interval?.low ?? null, high: interval?.high ?? null, n };
}

/** Better: surely more than nothing; not where it is a guess which way is better. Worse: surely more harm than the margin. */
function verdictOf(
  { low, high }: Estimate,
  { better, margin, assumed }: ComparedMetric,
): VariantMetric['verdict'] {
  if (low === null || high === null) return 'undecided';
  const [least, most] = better === 'higher' ? [low, high] : [-high, -low];
  if (most < -margin) return 'worse';
  return least > 0 && assumed === undefined ? 'better' : 'undecided';
}
