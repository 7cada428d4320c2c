import {
  COUNTED,
  type DecisionRecord,
  EXPIRED,
  EXPOSED,
  FAILED,
  OWED,
  RELEASED,
  SETTLED,
  TRAINED,
} from '../decision/decision-record.ts';
import { end, recall } from '../decision/episodes.ts';
import { decodeEvents } from '../decision/event-journal.ts';
import { learnsLate } from '../decision/forecast.ts';
import { chunkPrefix, decodeDecisions } from '../decision/journal.ts';
import { failedBy, rewardOf } from '../decision/outcome.ts';
import { decodeOutcomes, type OutcomeEntry } from '../decision/outcome-journal.ts';
import { find, keep, pass } from '../decision/pending.ts';
import { countersOf, type PointState } from '../decision/point-state.ts';
import { countsAtClose } from '../decision/seats.ts';
import { stick, sticks } from '../decision/stick.ts';
import { retell } from '../decision/told.ts';
import type { Storage } from '../ports.ts';
import type { AuditEntry } from '../status.ts';
import { keepShown } from './audit.ts';
import { remember } from './ingest.ts';
import { bytesJson } from './json-bytes.ts';
import { pages } from './pages.ts';
import type { NodeState } from './state.ts';
import { closeOverdue, isOverdue, isUntaught, oldestUntaughtMs } from './teaching-late.ts';

const JSON_MAX = 64 << 20;
/** Clocks may have been set a little meanwhile. */
const SLACK_MS = 60_000;

/** Reads on in the journals: decisions whose windows are open with what was reported of them, events, the audit. */
export async function recoverJournals(node: NodeState, storage: Storage): Promise<void> {
  let longest = 0;
  for (const { compiled } of node.joins.values())
    longest = Math.max(longest, compiled.keptMs, compiled.stickyMs);
  const sinceMs = Math.min(node.moment.wallMs - longest, oldestUntaughtMs(node)) - SLACK_MS;
  const offset = node.moment.monoMs - node.moment.wallMs;
  for await (const chunks of pages(storage, 'decisions', sinceMs))
    for (const chunk of chunks) {
      const state = node.joins.get(chunkPrefix(chunk));
      if (state === undefined) continue;
      for (const record of decodeDecisions(chunk, state.source, offset)) recoverDecision(node, state, record);
    }
  for await (const chunks of pages(storage, 'outcomes', sinceMs))
    for (const chunk of chunks) for (const entry of decodeOutcomes(chunk)) recoverOutcome(node, entry);
  for (const state of node.joins.values()) {
    closeOverdue(node, state);
    // Of this start, like all that is counted beside evidence.
    state.pending.passedOver = 0;
  }
  // What was ingested lately is known when it is sent again.
  for await (const chunks of pages(storage, 'events', node.moment.wallMs - node.tuning.eventIdsMs))
    for (const chunk of chunks)
      for (const { domain, source, id } of decodeEvents(chunk)) remember(node, `${domain}\n${source}\n${id}`);
  // Who did what is asked after a restart above all.
  for await (const chunks of pages(storage, 'audit', 0))
    for (const chunk of chunks) {
      const entry = bytesJson(chunk, JSON_MAX) as AuditEntry;
      keepShown(node.audit, entry);
      node.auditSeq = Math.max(node.auditSeq, entry.seq);
    }
}

function recoverDecision(node: NodeState, state: PointState, record: DecisionRecord): void {
  const { compiled } = state;
  state.n = Math.max(state.n, record.n + 1);
  if (compiled.explicitExposure) record.state &= ~EXPOSED;
  const ageMs = node.moment.monoMs - record.monoMs;
  if (
    ageMs <= compiled.stickyMs + SLACK_MS &&
    compiled.stickyMs > 0 &&
    sticks(record.reason) &&
    record.unit !== '' &&
    record.armIndex >= 0
  ) {
    const current = node.points.get(compiled.name);
    if (current !== undefined) stick(current, record, compiled.stickyMs);
  }
  const overdue = isOverdue(node, state, record);
  if (overdue && !isUntaught(node, state, record)) return pass(state.pending, record.n);
  const { weight } = record;
  // What was in flight when the process ended is so no longer, as far as anybody here can know.
  record.state |= RELEASED;
  // Experiments count at one age: not what was left behind by a stop.
  const isCounted = record.n < (node.countedTo.get(state.source.idPrefix) ?? 0);
  if (overdue || isCounted || !countsAtClose(compiled, record.stratum)) record.state |= COUNTED;
  countersOf(state).awaiting++;
  keep(state.pending, record, (dropped) => {
    if ((dropped.state & SETTLED) === 0) countersOf(state).awaiting--;
  });
  record.weight = Math.max(record.weight, weight);
  const current = node.points.get(compiled.name);
  if (!overdue && current?.episodes !== undefined && current.episodes === state.episodes)
    recall(current, record, node.moment.monoMs);
}

/** The evidence on disk has this outcome already, for both were in one batch: only what is known of the decision returns. */
function recoverOutcome(node: NodeState, entry: OutcomeEntry): void {
  const state = node.joins.get(entry.prefix);
  const record = state === undefined ? undefined : find(state.pending, entry.n);
  if (state === undefined || record === undefined) return;
  const before = record.state & SETTLED;
  retell(record, entry);
  if (entry.kind === 'feedback' || entry.kind === 'default') learned(state, record);
  if ((record.state & SETTLED) !== before) countersOf(state).awaiting--;
}

function learned(state: PointState, record: DecisionRecord): void {
  end(state, record);
  // The guards' own states are kept apart: one that may have heard of it does not hear of it again.
  if (record.metrics !== undefined && failedBy(record.metrics) === true) record.state |= FAILED;
  const reward = rewardOf(state, record.metrics);
  if (!Number.isNaN(reward) && (record.state & EXPIRED) === 0) {
    record.state |= SETTLED;
    if (record.trains) record.state |= learnsLate(state, record) ? OWED : TRAINED;
    record.trainedReward = reward;
    record.trainedMetrics = record.metrics;
  }
}
