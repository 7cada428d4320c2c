import type { Comparison } from '../comparison.ts';
import type { ExperimentMetric, ExperimentReport } from '../status.ts';
import { caveats, obstacle } from './harm.ts';
import { type Counts, unheard } from './unheard.ts';
import { controlOf, isTie, UNTOLD, untoldIn } from './untold.ts';

export type Conclusion = Pick<ExperimentReport, 'decision' | 'winner' | 'reason'>;

type VariantMetric = ExperimentMetric['variants'][number];

/** What a conclusion rests on, beside the metrics. */
export interface Grounds {
  /** Those that count are those that were assigned. */
  readonly sound: boolean;
  /** By variant, when the metrics were judged. */
  readonly counts: Counts;
  /** Of all variants, when they were judged, and now: later than that, where they are of a look. */
  readonly counted: number;
  readonly now: number;
  /** There is a planned look, and the metrics are of it. */
  readonly looked: boolean;
}

/**
 * What to do. A stop comes first: a mismatch, or harm to a guardrail beyond its margin. A variant ships that is better in the
 * first metric that is no guardrail, and in the way of which no guardrail stands (`obstacle`). What is not known is said.
 */
export function conclude(
  comparison: Comparison,
  metrics: readonly ExperimentMetric[],
  grounds: Grounds,
): Conclusion {
  const { variants, control, analysis } = comparison;
  if (!grounds.sound) return stop('sample ratio mismatch: those that count are not those that were assigned');
  const guardrails = metrics.filter(({ guardrail }) => guardrail);
  const harmed = (name: string): string | undefined =>
    guardrails.find(({ variants: results }) =>
      results.some((each) => each.variant === name && each.verdict === 'worse'),
    )?.metric;
  const others = variants.filter((_, i) => i !== control).map(({ name }) => name);
  const standing = others.filter((name) => harmed(name) === undefined);
  if (standing.length === 0 && others.length > 0)
    return stop(`${others[0]} harms ${harmed(others[0])} beyond its margin`);
  const asked = analysis.kind === 'sequential' || grounds.looked;
  // Where looks are planned it ends with one: that the horizon is reached is not enough.
  const ended = asked && grounds.counted >= analysis.horizon;
  const unknown = asked ? unknownOf(comparison, metrics, grounds.counts) : undefined;
  const primary = metrics.find((each) => !each.guardrail);
  if (primary === undefined) {
    if (ended) return stop(`the horizon is reached${unknown === undefined ? '' : `, and ${unknown}`}`);
    return keep(unknown ?? 'no guardrail has been broken');
  }
  const sign = primary.better === 'higher' ? 1 : -1;
  const winners = primary.variants
    .filter((each) => each.verdict === 'better' && standing.includes(each.variant))
    .sort((a, b) => sign * (gain(b) - gain(a)));
  const inTheWay = ({ variant }: VariantMetric): string | undefined =>
    firstOf(guardrails, (metric) => obstacle(comparison, metric, variant, grounds.counts));
  const best = winners.find((winner) => inTheWay(winner) === undefined);
  const found = ({ variant }: VariantMetric): string => `${variant} is better in ${primary.metric}`;
  if (best !== undefined)
    return {
      decision: 'ship',
      winner: best.variant,
      reason: found(best) + caveats(metrics, best.variant),
    };
  if (standing.every((name) => primary.variants.some((v) => v.variant === name && v.verdict === 'worse')))
    return stop(`every variant is worse than ${variants[control].name} in ${primary.metric}`);
  const but = winners.length === 0 ? unknown : `${found(winners[0])}, but ${inTheWay(winners[0])}`;
  if (ended) return stop(`the horizon is reached, and ${but ?? 'no difference was found'}`);
  if (analysis.kind === 'sequential') return keep(but ?? nothingFound(primary));
  const progress = untilNextLook(comparison, grounds);
  return keep(but === undefined ? progress : `${but}; ${progress}`);
}

/** What keeps anything from being known, the most telling first. */
function unknownOf(
  comparison: Comparison,
  metrics: readonly ExperimentMetric[],
  counts: Counts,
): string | undefined {
  const deciding = metrics.find(({ guardrail }) => !guardrail);
  const asked = metrics.filter((each) => each.guardrail || each === deciding);
  const first = [...asked].sort((a, b) => Number(a.guardrail) - Number(b.guardrail));
  const silent = firstOf(first, (metric) => unheard(comparison, metric, counts));
  if (silent !== undefined) return silent;
  const untold = untoldIn(metrics);
  return untold === undefined ? undefined : `${untold} ${UNTOLD}`;
}

function nothingFound({ metric, variants }: ExperimentMetric): string {
  const control = controlOf(variants);
  const others = variants.filter((each) => each !== control);
  if (others.some(({ difference }) => difference !== null && difference.low !== null))
    return 'the intervals still hold zero';
  if (others.length > 0 && others.every((each) => isTie(each, control)))
    return `${metric} has been the same in all variants`;
  return `too few values of ${metric} have come for an interval`;
}

function untilNextLook({ analysis }: Comparison, { counted, now }: Grounds): string {
  const next = analysis.looks.find((part) => counted < part * analysis.horizon) ?? 1;
  const at = Math.ceil(next * analysis.horizon);
  if (now >= analysis.horizon) return 'the root of the tree judges it, once it has counted as many';
  const when = next === 1 ? 'at the end' : `at ${at}, the next look`;
  return `${Math.floor(now)} of ${analysis.horizon} have been counted; it is judged ${when}`;
}

const stop = (reason: string): Conclusion => ({ decision: 'stop', winner: null, reason });
const keep = (reason: string): Conclusion => ({ decision: 'keep going', winner: null, reason });
const gain = (v: VariantMetric): number => v.difference?.mean ?? 0;

function firstOf<T>(items: readonly T[], say: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const said = say(item);
    if (said !== undefined) return said;
  }
  return undefined;
}
