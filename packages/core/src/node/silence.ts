import type { ChildLink } from './links.ts';
import type { NodeState } from './state.ts';

/** Heartbeats without a word after which a child counts as away. */
export const SILENT_BEATS = 5;

/** Whether a child has missed its heartbeats: it may be cut off, or have moved. */
export function isSilent(node: NodeState, link: ChildLink): boolean {
  return node.moment.monoMs - link.lastHeardMs > SILENT_BEATS * node.tuning.heartbeatMs;
}
