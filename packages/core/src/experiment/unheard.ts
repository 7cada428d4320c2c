import type { Comparison } from '../comparison.ts';
import { MIN_OUTCOMES } from '../stats/sequential.ts';
import type { ExperimentMetric, ExperimentReport } from '../status.ts';

/** How many decisions of each variant count, each unit once, in declared order. */
export type Counts = readonly number[];

/**
 * A metric of which no value came, of all variants or of one, among decisions that count: most often it is spelt otherwise
 * where feedback is sent. Nothing is known of it, so it is neither healthy nor without a difference. As people read it.
 */
export function unheard(
  comparison: Pick<Comparison, 'covariate' | 'perEpisode'>,
  { metric, variants }: ExperimentMetric,
  counts: Counts,
): string | undefined {
  const silent = variants.map(({ mean }, i) => mean.n === 0 && counts[i] > 0);
  if (!silent.includes(true)) return undefined;
  const whole = variants.every(({ mean }) => mean.n === 0);
  const n = grouped(counts.reduce((sum, each, i) => (whole || silent[i] ? sum + each : sum), 0));
  // An episode counts when it begins, and earns when it is over.
  if (comparison.perEpisode === true) return `no ${metric} of ${n} episodes is known yet`;
  const mend =
    comparison.covariate < 0 ? 'check its name' : 'check its name, and that the covariate is given';
  if (whole) return `no value of ${metric} in ${n} counted decisions: ${mend}`;
  const names = variants.filter((_, i) => silent[i]).map(({ variant }) => variant);
  return `no value of ${metric} in the ${n} counted decisions of ${names.join(', ')}`;
}

/** The first metric of a report of which no value came; see `unheard`. */
export function unheardIn({ metrics, variants, repeats = 1 }: ExperimentReport): string | undefined {
  const counts = variants.map(({ counted }) => counted / repeats);
  const all = metrics.map((metric) => unheard({ covariate: -1 }, metric, counts));
  return all.find((words) => words !== undefined);
}

/** What is wrong with the declaration, as far as what came shows it: as people read it. */
export function warningsOf(
  comparison: Comparison,
  metrics: readonly ExperimentMetric[],
  counts: Counts,
): Pick<ExperimentReport, 'warnings'> {
  // Of a few decisions a rare metric may have none by chance.
  const enough = counts.reduce((sum, each) => sum + each, 0) >= MIN_OUTCOMES;
  const warnings = metrics.flatMap((each) => {
    const silent = enough && comparison.perEpisode !== true ? unheard(comparison, each, counts) : undefined;
    return [...(silent === undefined ? [] : [silent]), ...(each.assumed ? [undirected(each)] : [])];
  });
  return warnings.length === 0 ? {} : { warnings };
}

/** Of a guardrail that says by nothing which way is harm; see `readMetrics`. */
export const undirected = ({ metric }: Pick<ExperimentMetric, 'metric'>): string =>
  `nobody has said which way ${metric} should go: declare better: higher or better: lower`;

/** `10,000`. */
export const grouped = (n: number): string => String(Math.floor(n)).replace(/\B(?=(\d{3})+$)/g, ',');
