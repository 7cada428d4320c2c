import type { Comparison } from '../comparison.ts';
import { COUNTED, type DecisionRecord, EXPOSED } from '../decision/decision-record.ts';
import { rewardOf } from '../decision/outcome.ts';
import { SIEVE_MAX } from '../decision/pending.ts';
import type { PointState } from '../decision/point-state.ts';
import { closeStep, type Earned } from '../decision/returns.ts';
import type { Seat } from '../decision/seats.ts';
import { judge } from '../experiment/judge.ts';
import {
  addBets,
  addDecision,
  addUnit,
  addValue,
  addWagered,
  addWeighted,
  centredOn,
  centreOf,
  comparisonOf,
  ROWS_MAX,
  rowKey,
  type Tally,
  tallies,
  wageredOn,
} from '../experiment/tally.ts';
import type { ExperimentReport } from '../status.ts';
import { sumBelow, sumOwn } from '../sync/slots.ts';
import { admitUnit } from './counted-units.ts';
import { jsonBytes } from './json-bytes.ts';
import type { LearnerState } from './learners-held.ts';
import { isStale, learnerFor, taughtSlot } from './learning.ts';
import { rangeOf } from './ranges.ts';
import { type NodeState, refuse } from './state.ts';
import { judgeClosed } from './validating.ts';

/**
 * Counts decisions for the experiments of their point. A decision is counted once, when its window closes: every arm's at
 * the same age, in the order of the decisions, with its outcome as corrected until then. So a slow arm is no lost one,
 * and the tests of `experiment/` hold. The sums are evidence like any learner's: slots of this node and those below.
 */
export function countClosed(node: NodeState, state: PointState, record: DecisionRecord): void {
  const { compiled, pending } = state;
  if (!pending.plan.counts || (record.state & COUNTED) !== 0) return;
  judgeClosed(node, state, record);
  record.state |= COUNTED;
  const counted = node.countedTo.get(state.source.idPrefix) ?? 0;
  if (record.n >= counted) node.countedTo.set(state.source.idPrefix, record.n + 1);
  const assigned = wasAssigned(record);
  const earned = state.episodes === undefined ? undefined : closeStep(state, record, assigned);
  const seats = compiled.seats.get(record.stratum);
  if (seats === undefined || record.armIndex < 0 || !assigned) return;
  const key = comparisonsKey(state);
  if (isStale(node, key)) return; // reset meanwhile
  const learner = learnerFor(node, key, tallies);
  const slot = taughtSlot(node, learner, key, state.source.idPrefix);
  if (slot === undefined) return;
  const tally = slot.evidence as Tally;
  if (tally.rows.size >= ROWS_MAX) prune(node, state, tally);
  for (const seat of seats)
    if (seat.comparison.perEpisode === true) countEpisode(node, record, seat, tally, earned);
    else countFor(node, state, record, seat, tally);
}

/** Decisions stopped by a person, a control or a failure were not made by what is compared. */
const wasAssigned = ({ reason }: DecisionRecord): boolean =>
  reason === 'policy' || reason === 'baseline' || reason === 'escalated' || reason === 'sticky';

function countFor(
  node: NodeState,
  state: PointState,
  record: DecisionRecord,
  { comparison, variant }: Seat,
  tally: Tally,
): void {
  const arms = comparison.kind === 'arms';
  // A stuck arm was drawn once, not each time it is served; and what has no propensity was not drawn by the policy.
  if (arms && (record.reason === 'sticky' || !(record.probability > 0))) return;
  const { name } = comparison.variants[arms ? record.armIndex : variant];
  if (comparison.perUnit && record.unit !== '') {
    const hash = admitUnit(node, state, comparisonsKey(state), comparison, record.unitHash);
    if (hash === undefined) return;
    addUnit(tally, rowKey('u', comparison, 'units'), hash);
  }
  const metrics = record.metrics;
  const counts = (record.state & EXPOSED) !== 0 && metrics !== undefined;
  addDecision(tally, rowKey('s', comparison, name), counts);
  if (!counts) return;
  const heed = (added: boolean): void => void (added || refuse(node, 'comparison_not_finite'));
  if (arms) heed(addBets(tally, rowKey('b', comparison, name), record.probability));
  const x = comparison.covariate < 0 ? 0 : (record.contextAt(comparison.covariate) ?? 0);
  for (const compared of comparison.metrics) {
    const { metric, range: declared } = compared;
    const y = metric === 'reward' ? rewardOf(state, metrics) : metrics[metric];
    // What has no covariate is left out of a comparison that is adjusted for it: both sides lose the same units.
    if (y === undefined || Number.isNaN(y) || Number.isNaN(x)) continue;
    const range = declared ?? rangeOf(metric, state.compiled.spec);
    const centre = centreOf(compared, range);
    const named = centredOn(metric, centre);
    if (arms) {
      heed(addWeighted(tally, rowKey('a', comparison, name, named), y - centre, record.probability));
      if (range === undefined) continue;
      const on = rowKey('w', comparison, name, wageredOn(metric, range));
      heed(addWagered(tally, on, y, record.probability, range));
    } else {
      const outside = range !== undefined && (y < range[0] || y > range[1]);
      heed(addValue(tally, rowKey('m', comparison, name, named), y - centre, x, outside));
    }
  }
}

/** An episode is a decision's worth of traffic when it begins, and an outcome when it is over. */
function countEpisode(
  node: NodeState,
  record: DecisionRecord,
  { comparison, variant }: Seat,
  tally: Tally,
  earned: Earned | undefined,
): void {
  const { name } = comparison.variants[variant];
  if (record.noted !== undefined && (record.noted[1] ?? 0) === 0)
    addDecision(tally, rowKey('s', comparison, name), record.metrics !== undefined);
  if (earned === undefined) return;
  for (const compared of comparison.metrics) {
    const { metric, range } = compared;
    const centre = centreOf(compared, range);
    const named = centredOn(metric, centre);
    const outside = range !== undefined && (earned.sum < range[0] || earned.sum > range[1]);
    if (!addValue(tally, rowKey('m', comparison, name, named), earned.sum - centre, 0, outside))
      refuse(node, 'comparison_not_finite');
  }
}

/** Rows of experiments that the point no longer has make room. */
function prune(node: NodeState, state: PointState, tally: Tally): void {
  const current = node.points.get(state.compiled.name)?.compiled.comparisons ?? [];
  const keys = new Set([...current, ...state.compiled.comparisons].map(({ key }) => key));
  for (const key of tally.rows.keys()) if (!keys.has(comparisonOf(key))) tally.rows.delete(key);
  if (tally.rows.size >= ROWS_MAX) refuse(node, 'comparison_full');
}

/** What a look is kept under: another epoch, split or phase is looked at anew. */
export const lookKey = (state: PointState, { key, phase }: Comparison): string =>
  `${comparisonsKey(state)}\n${key}\n${phase}`;

/** All experiments of a point add to one learner: what is counted of one stays when another is added. */
export function comparisonsKey({ compiled, learnerKey }: PointState): string {
  const epoch = learnerKey.slice(learnerKey.lastIndexOf('|') + 1);
  return `${compiled.name}|${tallies.name}|-|${epoch}`;
}

/** Before slots arrive or are recovered: a node that has experiments understands what they count. */
export function openComparisons(node: NodeState, state: PointState): void {
  if (state.compiled.comparisons.length > 0) learnerFor(node, comparisonsKey(state), tallies);
}

/** Everything counted here, and by those below. */
export function tallyOf(node: NodeState, state: PointState, scope: 'self' | 'subtree'): Tally {
  const learner: LearnerState | undefined = node.learners.get(comparisonsKey(state));
  if (learner?.slots.evidence === undefined) return tallies.zero();
  const own = sumOwn(learner.slots) as Tally;
  return scope === 'self' ? own : tallies.add(own, sumBelow(learner.slots) as Tally);
}

export function experimentReports(
  node: NodeState,
  state: PointState,
  scope: 'self' | 'subtree',
): ExperimentReport[] {
  const { comparisons, spec } = state.compiled;
  if (comparisons.length === 0) return [];
  const tally = tallyOf(node, state, scope);
  return comparisons.map((comparison) => {
    // Planned looks are looks at the whole: a part of the tree has none.
    const looks = scope === 'subtree' ? node.looks.get(lookKey(state, comparison))?.shown : undefined;
    return judge(comparison, tally, (metric) => rangeOf(metric, spec), looks);
  });
}

/**
 * How far counting has come goes to disk with what was counted, so that a restart counts nothing twice; and one in how many
 * counts, so that it counts nobody who was passed over, of whom feedback may have been lost since.
 */
export function noteCounted(
  node: NodeState,
  { source: { idPrefix }, pending }: PointState,
  before: number | undefined,
): void {
  const now = node.countedTo.get(idPrefix);
  const { sieve, writtenSieve } = pending;
  if (now === before && sieve === writtenSieve) return;
  const n = now ?? 0;
  node.countedTo.set(idPrefix, n);
  if (sieve !== writtenSieve) pending.writtenFrom = sieve < writtenSieve ? pending.sieveFrom : 0;
  pending.writtenSieve = sieve;
  // Those before it have all been counted, or passed over for good, once counting has come as far.
  const from = n < pending.writtenFrom ? pending.writtenFrom : undefined;
  const value = jsonBytes(sieve === 0 && from === undefined ? n : { n, sieve, from });
  node.writes.push({ kind: 'put', collection: 'counted', key: idPrefix, value });
}

/** From the disk. One that is none counts as missing. */
export function recoverCounted(node: NodeState, prefix: string, json: unknown): void {
  const { n, sieve, from } = (
    typeof json === 'number' ? { n: json, sieve: 0 } : (json ?? {})
  ) as Partial<Counted>;
  if (!Number.isSafeInteger(n)) return;
  node.countedTo.set(prefix, n as number);
  const pending = node.joins.get(prefix)?.pending;
  if (pending === undefined || !Number.isInteger(sieve)) return;
  pending.sieve = pending.writtenSieve = Math.min(SIEVE_MAX, Math.max(0, sieve as number));
  if (Number.isSafeInteger(from)) pending.sieveFrom = pending.writtenFrom = Math.max(0, from as number);
}

interface Counted {
  readonly n: number;
  readonly sieve: number;
  /** The first decision since the sieve was taken back by a step, where some before it are still to be counted. */
  readonly from?: number | undefined;
}
