import { nodeOf, type Slot } from '../sync/slots.ts';
import type { NodeState } from './state.ts';

export function isQuarantined(node: NodeState, name: string): boolean {
  for (const quarantine of node.controls.quarantines.values()) if (quarantine.node === name) return true;
  return false;
}

/**
 * Whether a slot came through a child that is quarantined, here or further down: whatever name it bears, it is out. Who
 * is above is told, for there nobody can know by which way it came.
 */
export const cameThroughQuarantine = (node: NodeState, slot: Pick<Slot, 'route' | 'out'>): boolean =>
  slot.out || (slot.route !== '' && isQuarantined(node, nodeOf(slot.route)));

/** Whether a slot is part of no sum. */
export const isOut = (node: NodeState, slot: Pick<Slot, 'node' | 'route' | 'out'>): boolean =>
  isQuarantined(node, slot.node) || cameThroughQuarantine(node, slot);
