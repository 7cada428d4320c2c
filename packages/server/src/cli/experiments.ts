import type { ExperimentReport } from '@ganglion/core';
import { count, estimate, number, percent, UNKNOWN } from './format.ts';
import { clean, type Style, table } from './style.ts';

/** Every experiment of a report: who was in it, what came out, and what to do. */
export function experimentsText(experiments: readonly ExperimentReport[], style: Style): string[] {
  return experiments.flatMap((each) => [verdict(each, style), ...lookText(each), variantTable(each, style)]);
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
    metrics.flatMap(({ metric, guardrail, variants: results }) =>
      results.map(({ variant, mean, difference, p, verdict: word }, i) => [
        clean(variant),
        percent(variants[i].share),
        count(variants[i].counted),
        guardrail ? `${clean(metric)} (guardrail)` : clean(metric),
        estimate(mean),
        difference === null ? UNKNOWN : estimate(difference),
        number(p),
        word,
      ]),
    ),
    style,
  );
}
