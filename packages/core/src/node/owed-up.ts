import type { Slot } from '../sync/slots.ts';
import type { NodeState } from './state.ts';

/**
 * Whether the parent has yet to acknowledge something that was accepted here: evidence, feedback on its way up, or
 * controls. What is still to come (outcomes of decisions, reports of traffic) is not part of it.
 *
 * @returns false at a root, and without a link
 */
export function owesParent(node: NodeState): boolean {
  const link = node.parent;
  if (link === undefined || node.closed) return false;
  const told = link.handedHeard && link.handed === `${node.durableDigest}/${link.joined}`;
  if (node.controlsDirty || (node.durableDigest !== link.joined && !told)) return true;
  for (const { lane, from } of node.outbox.values()) if (lane === '' || from !== 'above') return true;
  for (const { slots } of node.learners.values())
    for (const slot of slots.slots.values()) if (isOwed(slot)) return true;
  return false;
}

/** By the version in memory: it reaches the disk before it goes up. */
const isOwed = ({ version, ackedVersion, listedIn, ackedIn }: Slot): boolean =>
  version > 0 && (version > ackedVersion || listedIn === 0 || ackedIn < listedIn);
