import { subtreeReport } from './merge.ts';
import { nodeStatus } from './report.ts';
import { emit, type NodeState } from './state.ts';

/** How long one tick may announce, ms, beyond the first report: decisions wait meanwhile. */
const BUDGET_MS = 5;

/**
 * What a page beside this node shows of it, each second; of those below it hears through their telemetry. A report of a point
 * is summed over everybody below: in a large tree those of all points take long, so they are made in turn, over several ticks.
 */
export function announceSelf(node: NodeState): void {
  if (node.listeners.size === 0) return;
  emit(node, { kind: 'status', node: node.name, status: nodeStatus(node) });
  if (node.unannounced.length === 0) node.unannounced = [...node.points.keys()].reverse();
}

/** Announces points whose turn has come, for as long as a tick may take. */
export function announceDue(node: NodeState): void {
  const { clock } = node.ports;
  if (node.unannounced.length === 0) return;
  if (node.listeners.size === 0) node.unannounced = [];
  const untilMs = clock.monotonicMs() + BUDGET_MS;
  do {
    const point = node.unannounced.pop();
    if (point === undefined) return;
    if (node.points.has(point))
      emit(node, { kind: 'report', node: node.name, report: subtreeReport(node, point) });
  } while (clock.monotonicMs() < untilMs);
}
