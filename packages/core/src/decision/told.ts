import { DEFAULTED, type DecisionRecord, EXPIRED, EXPOSED, SETTLED, WITHHELD } from './decision-record.ts';
import type { OutcomeEntry } from './outcome-journal.ts';

/** Takes what is told of one metric; the highest revision counts. Returns whether it is news. */
export function setMetric(record: DecisionRecord, name: string, value: number, revision: number): boolean {
  const revisions = revisionsOf(record);
  const known = revisions[name];
  if (known !== undefined && known >= revision) return false;
  metricsOf(record)[name] = value;
  revisions[name] = revision;
  return true;
}

/** A truth replaces the one before it, whatever its type. Returns whether it is news. */
export function setTruth(
  record: DecisionRecord,
  truth: string | number | boolean,
  revision: number,
): boolean {
  const revisions = revisionsOf(record);
  if (revisions.truth !== undefined && revisions.truth >= revision) return false;
  revisions.truth = revision;
  record.truth = typeof truth === 'string' ? truth : undefined;
  const metrics = metricsOf(record);
  if (typeof truth === 'string') delete metrics.truth;
  else metrics.truth = Number(truth);
  return true;
}

/** Defaults fill what nothing was told of. */
export function assume(record: DecisionRecord, defaults: Readonly<Record<string, number>>): void {
  const metrics = metricsOf(record);
  for (const name in defaults) metrics[name] ??= defaults[name];
}

/** What the journal says of a decision happens to it again. What it has taught is not told: that is the learner's own. */
export function retell(record: DecisionRecord, { kind, revision, metrics, truth }: OutcomeEntry): void {
  if (kind === 'withheld') {
    record.state |= WITHHELD;
    return;
  }
  if (kind === 'expired') {
    record.state |= SETTLED | EXPIRED;
    return;
  }
  record.state |= EXPOSED;
  if (kind === 'exposed') return;
  if (kind === 'default') {
    record.state |= DEFAULTED | SETTLED;
    assume(record, metrics);
    return;
  }
  // Also where no number was told: it has been heard of.
  metricsOf(record);
  if (truth !== undefined) setTruth(record, truth, revision);
  for (const name in metrics)
    if (name === 'truth') setTruth(record, metrics[name], revision);
    else setMetric(record, name, metrics[name], revision);
}

const metricsOf = (record: DecisionRecord): Record<string, number> =>
  (record.metrics ??= Object.create(null) as Record<string, number>);

const revisionsOf = (record: DecisionRecord): Record<string, number> =>
  (record.revisions ??= Object.create(null) as Record<string, number>);
