import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Comparison, ComparisonPlan } from '../comparison.ts';
import type { Limits } from '../limits.ts';
import { normalCdf } from '../stats/distributions.ts';
import { spendingBoundaries } from './group-sequential.ts';
import { comparisonOf, decisionsIn, phaseOf, repeatsIn, rowKey, type Tally, tallies } from './tally.ts';

/**
 * A look at an experiment whose looks are planned: what was counted when it was taken, which is all that may ever be said of
 * it. Judged again from more data, as a page does that is opened twice, a 5 % test errs in a third of all experiments.
 *
 * The root takes it, the first time that it sees the planned number counted, and keeps it.
 */
export interface Look {
  /** Wall clock, ms. */
  readonly atMs: number;
  /** How many counted, of all variants; of those that several nodes counted as many as say as much. */
  readonly counted: number;
  /** Two-sided error that this look may make for a metric of one variant. */
  readonly level: number;
  /** As it was declared when the first look was taken: it stands, for another one now would be another look. */
  readonly plan: ComparisonPlan;
  /** The comparison's rows. */
  readonly tally: Tally;
}

/** The comparison under the plan that its looks were taken by. */
export function asPlanned(comparison: Comparison, looks: readonly Look[]): Comparison {
  return looks.length === 0 ? comparison : { ...comparison, analysis: looks[0].plan };
}

const LOOKS_MAX = 20;
const PLAN_MAX = 4096;
const END = 1 - 1e-12;

/** How many have counted: see `Look.counted`. */
export function countedIn(comparison: Comparison, tally: Tally): number {
  let counted = 0;
  for (const { name } of comparison.variants)
    counted += decisionsIn(tally, rowKey('s', comparison, name)).counted;
  return counted / repeatsIn(tally, rowKey('u', comparison, 'units'));
}

/** Whether a planned look has been reached that was not taken, nor passed over by a later one. */
export function lookDue(comparison: Comparison, looks: readonly Look[], tally: Tally): boolean {
  const { horizon, looks: planned } = asPlanned(comparison, looks).analysis;
  const reached = (counted: number): number =>
    planned.filter((part) => counted >= part * horizon * END).length;
  const taken = looks.length === 0 ? 0 : reached(looks[looks.length - 1].counted);
  // Most often nothing is due: then the taken ones need not be summed.
  return taken < planned.length && looks.length < LOOKS_MAX && reached(countedIn(comparison, tally)) > taken;
}

/**
 * Takes the look that is due. Of a group-sequential analysis its level is what the spending function has left by now; looks
 * that were passed over have spent nothing, and the one at the horizon spends the rest.
 */
export function takeLook(comparison: Comparison, looks: readonly Look[], tally: Tally, atMs: number): Look {
  const planned = asPlanned(comparison, looks);
  const counted = countedIn(comparison, tally);
  return {
    atMs,
    counted,
    level: levelOf(planned, looks, counted),
    plan: planned.analysis,
    tally: rowsOf(comparison, tally),
  };
}

function levelOf({ analysis, variants }: Comparison, looks: readonly Look[], counted: number): number {
  const { kind, horizon, spending } = analysis;
  // Bonferroni over the variants: the intervals of a metric hold together.
  const alpha = analysis.alpha / Math.max(1, variants.length - 1);
  if (kind === 'fixed') return alpha;
  const sizes = [...looks.map((look) => look.counted), counted];
  const parts = sizes.map((size) => (size >= horizon * END ? 1 : size / horizon));
  const { z } = spendingBoundaries(spending, alpha, parts, sizes);
  return 2 * normalCdf(-z[z.length - 1]);
}

function rowsOf({ key, phase }: Comparison, tally: Tally): Tally {
  const rows = new Map<string, Float64Array>();
  for (const [name, row] of tally.rows)
    if (comparisonOf(name) === key && phaseOf(name) === phase) rows.set(name, row.slice());
  return { rows };
}

/** Version 1 of what is kept on disk. */
export function encodeLooks(looks: readonly Look[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writer.byte(1).varint(looks.length);
  for (const { atMs, counted, level, plan, tally } of looks)
    writer
      .float64(atMs)
      .float64(counted)
      .float64(level)
      .text(JSON.stringify(plan))
      .bytes(tallies.encode(tally));
  return writer.finish();
}

/** From the own disk. @throws GanglionError where the bytes are none that `encodeLooks` made */
export function decodeLooks(bytes: Uint8Array, limits: Limits): Look[] {
  const reader = new ByteReader(bytes, LOOKS_MAX * limits.evidenceBytes);
  if (reader.byte() !== 1) return reader.fail('looks of another version');
  const looks = Array.from({ length: reader.count(LOOKS_MAX, 26) }, () => ({
    atMs: reader.finite(),
    counted: reader.finite(),
    level: reader.finite(),
    plan: JSON.parse(reader.text(PLAN_MAX)) as ComparisonPlan,
    tally: tallies.decode(reader.bytes(limits.evidenceBytes), limits),
  }));
  reader.end();
  return looks;
}
