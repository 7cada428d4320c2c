import type { AuditEntry, ExperimentReport, PointMode, PointReport, PointSpec } from '../wire.ts';
import { durationMs } from './format.ts';
import { formatDifference } from './metric.ts';

type Metric = ExperimentReport['metrics'][number];

/** One variant in one metric: a row of the plot. */
export type ExperimentRow = Metric['variants'][number] & {
  readonly metric: string;
  readonly guardrail: boolean;
  /** Which way it should go, and how much harm is put up with, in words. */
  readonly way: string;
  /** The metric's first row: it bears the name. */
  readonly first: boolean;
  /** As declared; null where the policy draws. */
  readonly share: number | null;
  readonly counted: number;
  /** Those that the figures are of, where they are of a look. */
  readonly judged?: number | undefined;
};

/** Metric by metric in declared order, and within it variant by variant. */
export function experimentRows({ metrics, variants }: ExperimentReport): readonly ExperimentRow[] {
  return metrics.flatMap((each) =>
    each.variants.map((result, i) => ({
      ...result,
      metric: each.metric,
      guardrail: each.guardrail,
      way: wayOf(each),
      first: i === 0,
      share: variants[i]?.share ?? null,
      counted: variants[i]?.counted ?? 0,
      ...(variants[i]?.judged === undefined ? {} : { judged: variants[i].judged }),
    })),
  );
}

function wayOf({ metric, guardrail, better, assumed, margin }: Metric): string {
  const way = assumed === true ? 'nobody said which way is better' : `${better} is better`;
  const most = margin > 0 ? `, margin ${formatDifference(metric, margin).replace('+', '')}` : '';
  return `${guardrail ? 'guardrail: ' : ''}${way}${most}`;
}

/** What is known of a variant, in a word: of a guardrail also that harm is excluded, or that nothing has come. */
export function verdictWord(
  { guardrail, margin }: Pick<Metric, 'guardrail' | 'margin'>,
  { verdict, harm, mean }: Metric['variants'][number],
): string {
  if (mean.n === 0) return 'no value';
  if (verdict !== 'undecided' || !guardrail || harm !== 'excluded') return verdict;
  return margin > 0 ? 'within the margin' : 'no worse';
}

/** How many of a variant have counted; where the figures are of a look, of how many they are. */
export function countedWords(
  { counted, judged = counted }: Pick<ExperimentReport['variants'][number], 'counted' | 'judged'>,
  count: (n: number) => string,
): string {
  return judged === counted ? count(counted) : `${count(judged)} of ${count(counted)}`;
}

/** How far the plot of a metric must reach to either side of no difference, so that its variants stand on one scale. */
export function reachOf({ metrics }: ExperimentReport, metric: string): number {
  const ends = metrics
    .filter((each) => each.metric === metric)
    .flatMap(({ variants, margin }) => [
      margin,
      ...variants.flatMap(({ difference }) => [difference?.low, difference?.high, difference?.mean]),
    ])
    .map((end) => Math.abs(end ?? 0));
  const reach = Math.max(...ends);
  // Of a metric of which nothing is known any scale is as good.
  return reach > 0 ? reach * 1.1 : 1;
}

/** How an experiment stands. */
export type Standing =
  | 'running'
  | 'ship'
  | 'stop'
  | 'mismatch'
  | 'reverted'
  | 'complete'
  /** A rollout without guardrails: a person moves it on. */
  | 'manual'
  /** A control holds its point: nothing counts meanwhile. */
  | 'held';

/** A rollout as its point declares it. */
export interface RolloutPlan {
  readonly stages: readonly number[];
  readonly stage: number;
  readonly guarded: boolean;
  readonly dwellMs: number;
  readonly minCounted: number;
  readonly reverted: string | null;
}

/** One experiment, or rollout, of one point. */
export interface ExperimentEntry {
  readonly point: string;
  readonly name: string;
  readonly standing: Standing;
  /** What was counted; null where there is nothing beside which it could be compared. */
  readonly report: ExperimentReport | null;
  readonly rollout: RolloutPlan | null;
}

/** Every experiment and rollout of a point: those that are compared, and rollouts that are at their end. */
export function entriesOf(report: PointReport): readonly ExperimentEntry[] {
  const { point, spec, mode } = report;
  const plan = rolloutOf(spec);
  const compared = (report.experiments ?? []).map((experiment): ExperimentEntry => {
    const rollout = experiment.kind === 'rollout' && experiment.experiment === 'rollout' ? plan : null;
    const standing = standingOf(experiment, rollout, mode);
    return { point, name: experiment.experiment, standing, report: experiment, rollout };
  });
  if (plan === null || compared.some(({ rollout }) => rollout !== null)) return compared;
  const last = plan.stage >= plan.stages.length - 1;
  const standing = plan.reverted !== null ? 'reverted' : last ? 'complete' : 'manual';
  return [...compared, { point, name: 'rollout', standing, report: null, rollout: plan }];
}

function standingOf(experiment: ExperimentReport, rollout: RolloutPlan | null, mode: PointMode): Standing {
  if (rollout !== null && rollout.reverted !== null) return 'reverted';
  if (experiment.mismatch.verdict === 'mismatch') return 'mismatch';
  if (experiment.decision !== 'keep going') return experiment.decision;
  return mode === 'learning' ? 'running' : 'held';
}

/** Those that want a person first: to be stopped, to be shipped, then what runs, what is over last. */
const ORDER: readonly Standing[] = [
  'mismatch',
  'stop',
  'ship',
  'held',
  'running',
  'manual',
  'reverted',
  'complete',
];

export function byAttention(entries: readonly ExperimentEntry[]): readonly ExperimentEntry[] {
  return [...entries].sort(
    (a, b) =>
      ORDER.indexOf(a.standing) - ORDER.indexOf(b.standing) ||
      a.point.localeCompare(b.point) ||
      a.name.localeCompare(b.name),
  );
}

/** Whether anything is still being found out. */
export function isOpen({ standing }: ExperimentEntry): boolean {
  return standing !== 'reverted' && standing !== 'complete';
}

/** The metric that decides: the first that is no guardrail, else the first. */
export function decidingMetric(report: ExperimentReport): Metric | undefined {
  return report.metrics.find(({ guardrail }) => !guardrail) ?? report.metrics[0];
}

/** The rollout that a point declares, with the defaults of the guard; null where it has none. */
export function rolloutOf(spec: PointSpec): RolloutPlan | null {
  const declared = spec.guards?.find(({ kind }) => kind === 'rollout') as Record<string, unknown> | undefined;
  if (declared === undefined) return null;
  const stages = Array.isArray(declared.stages) ? declared.stages.map(shareOf) : [0.01, 0.05, 0.25, 1];
  return {
    stages,
    stage: Math.min(stages.length - 1, Number(declared.stage ?? 0)),
    guarded: declared.guardrails !== undefined,
    dwellMs: durationMs(declared.dwell) ?? 3_600_000,
    minCounted: Number(declared.minOutcomes ?? 1000),
    reverted: typeof declared.reverted === 'string' ? declared.reverted : null,
  };
}

/** `5%` or 0.05. */
function shareOf(declared: unknown): number {
  return typeof declared === 'string' && declared.endsWith('%')
    ? Number(declared.slice(0, -1)) / 100
    : Number(declared);
}

/** How a rollout came to where it is, newest first: its own steps, and the declarations that people made. */
export function rolloutHistory(audit: readonly AuditEntry[], point: string): readonly AuditEntry[] {
  return audit.filter(
    ({ action, target }) => target === point && (action.startsWith('rollout.') || action === 'point.apply'),
  );
}
