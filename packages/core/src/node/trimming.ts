import type { CompiledPoint } from '../decision/define.ts';
import { at } from '../decision/pending.ts';
import { type NodeState, refuse } from './state.ts';

/** Clocks of one machine are set by less than this, and what recovery reads again is always there. */
const SLACK_MS = 86_400_000;

/** How long after a decision feedback may still change something: the longest of all points that anybody awaits, ms. */
export const longestAttributionMs = (node: NodeState): number => longest(node, ({ keptMs }) => keptMs);

function longest(node: NodeState, of: (point: CompiledPoint) => number): number {
  let most = 0;
  for (const states of [node.points, node.joins])
    for (const { compiled } of states.values()) most = Math.max(most, of(compiled));
  return most;
}

/** Age of the oldest decision in the queues, ms: after a long stop some are there beyond their time, until they have taught. */
function oldestMs(node: NodeState): number {
  let most = 0;
  for (const { pending } of node.joins.values())
    if (pending.size > 0) most = Math.max(most, node.moment.monoMs - at(pending, 0).monoMs);
  return most;
}

/**
 * Drops from the journals what no restart will ask for again: decisions and outcomes past the longest window, correction
 * and stickiness of all that is awaited and past the time the log is kept for, audit past its retention. Journals are by the wall clock; where it has run
 * ahead of the tree's time, that one counts, so that a clock set wrong costs nothing.
 */
export function trimWhenDue(node: NodeState): void {
  const { moment, tuning } = node;
  const { storage } = node.ports;
  if (storage === undefined || moment.monoMs - node.trimmedMs < tuning.trimEveryMs) return;
  node.trimmedMs = moment.monoMs;
  const nowMs = Math.min(moment.wallMs, moment.treeMs);
  const awaitedMs = Math.max(
    longest(node, (point) => point.keptMs + point.stickyMs),
    oldestMs(node),
  );
  const keptMs = Math.max(awaitedMs + SLACK_MS, tuning.logKeptMs);
  const before = {
    decisions: nowMs - keptMs,
    outcomes: nowMs - keptMs,
    events: nowMs - Math.max(tuning.logKeptMs, tuning.eventIdsMs),
    audit: nowMs - tuning.auditKeptMs,
  };
  for (const [journal, beforeMs] of Object.entries(before))
    storage.trim(journal, beforeMs).catch(() => refuse(node, 'trim_failed'));
}
