import type { ExperimentReport } from '../wire.ts';

type Metric = ExperimentReport['metrics'][number];

/** One variant in one metric: a row of the plot. */
export type ExperimentRow = Metric['variants'][number] & {
  readonly metric: string;
  readonly guardrail: boolean;
  /** The metric's first row: it bears the name. */
  readonly first: boolean;
  /** As declared; null where the policy draws. */
  readonly share: number | null;
  readonly counted: number;
};

/** Metric by metric in declared order, and within it variant by variant. */
export function experimentRows({ metrics, variants }: ExperimentReport): readonly ExperimentRow[] {
  return metrics.flatMap(({ metric, guardrail, variants: results }) =>
    results.map((result, i) => ({
      ...result,
      metric,
      guardrail,
      first: i === 0,
      share: variants[i]?.share ?? null,
      counted: variants[i]?.counted ?? 0,
    })),
  );
}

/** How far the plot of a metric must reach to either side of no difference, so that its variants stand on one scale. */
export function reachOf({ metrics }: ExperimentReport, metric: string): number {
  const ends = metrics
    .filter((each) => each.metric === metric)
    .flatMap(({ variants }) => variants)
    .flatMap(({ difference }) => [difference?.low, difference?.high, difference?.mean])
    .map((end) => Math.abs(end ?? 0));
  return Math.max(...ends, 1e-12) * 1.1;
}
