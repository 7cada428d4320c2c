import type { ExperimentReport } from '@ganglion/core';
import { count, estimate, number, percent, UNKNOWN } from './format.ts';
import { clean, type Style, table } from './style.ts';

type ExperimentMetric = ExperimentReport['metrics'][number];

/** Every experiment of a report: who was in it, what came out, and what to do. */
export function experimentsText(experiments: readonly ExperimentReport[], style: Style): string[] {
  return experiments.flatMap((each) => [
    verdict(each, style),
    ...(each.warnings ?? []).map((warning) => style.warn(clean(warning))),
    ...lookText(each),
    variantTable(each, style),
  ]);
}

function verdict(
  { experiment, decision, winner, reason, mismatch, repeats = 1 }: ExperimentReport,
  style: Style,
): string {
  const word = winner === null ? decision : `${decision} ${clean(winner)}`;
  const shown = decision === 'ship' ? style.good(word) : decision === 'stop' ? style.bad(word) : word;
  const ratio = `sample ratio ${mismatch.verdict} (e ${number(mismatch.e)})`;
  const counted = repeats > 1.01 ? `; units counted ${number(repeats)} times over nodes, allowed for` : '';
  return `${style.bold(clean(experiment))}: ${shown}, for ${clean(reason)}; ${ratio}${counted}`;
}

/** When the figures are from, where they are not of now. */
function lookText({ looks, analysis }: ExperimentReport): string[] {
  if (looks === undefined || looks.taken.length === 0) return [];
  const last = looks.taken[looks.taken.length - 1];
  const which =
    analysis === 'fixed' ? 'the one look' : `look ${looks.taken.length} (${looks.planned.length} planned)`;
  const when = new Date(last.atMs).toISOString();
  return [
    `as of ${which}, ${when}, with ${count(Math.floor(last.counted))} counted; decided at p ≤ ${number(last.level)}`,
  ];
}

function variantTable({ variants, metrics }: ExperimentReport, style: Style): string {
  return table(
    [
      { head: 'VARIANT' },
      { head: 'SHARE', right: true },
      { head: 'COUNTED', right: true },
      { head: 'METRIC' },
      { head: 'MEAN (95 %)' },
      { head: 'DIFFERENCE' },
      { head: 'P', right: true },
      { head: 'VERDICT' },
    ],
    metrics.flatMap((metric) =>
      metric.variants.map((result, i) => [
        clean(result.variant),
        percent(variants[i].share),
        countedText(variants[i]),
        metricText(metric),
        estimate(result.mean),
        result.difference === null ? UNKNOWN : estimate(result.difference),
        number(result.p),
        verdictText(metric, result),
      ]),
    ),
    style,
  );
}

/** Where the figures are of a look, more have counted by now than they are of. */
function countedText({ counted, judged = counted }: ExperimentReport['variants'][number]): string {
  return judged === counted ? count(counted) : `${count(judged)} of ${count(counted)}`;
}

/** Which way it should go, and how much harm is put up with. */
function metricText({ metric, better, assumed, guardrail, margin }: ExperimentMetric): string {
  const way = assumed === true ? 'direction not declared' : `${better} is better`;
  const limits = [
    way,
    ...(guardrail ? ['guardrail'] : []),
    ...(margin > 0 ? [`margin ${number(margin)}`] : []),
  ];
  return `${clean(metric)} (${limits.join(', ')})`;
}

function verdictText(
  { margin }: ExperimentMetric,
  { verdict: word, harm, mean }: ExperimentMetric['variants'][number],
): string {
  if (mean.n === 0) return 'no value';
  if (word !== 'undecided' || harm !== 'excluded') return word;
  return margin > 0 ? 'within the margin' : 'no worse';
}
