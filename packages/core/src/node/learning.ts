import type { Evidence } from '../evidence.ts';
import { HEAVIEST_MAX } from '../sync/messages.ts';
import { hold, learnerSlots, ownSlot, type Slot } from '../sync/slots.ts';
import type { LearnerState } from './learners-held.ts';
import { mixture } from './mixture.ts';
import { openedOf } from './origins.ts';
import { isQuarantined } from './quarantine.ts';
import { type NodeState, refuse } from './state.ts';

export const keyPoint = (key: string): string => key.slice(0, key.indexOf('|'));

/** Of an epoch before the last reset. */
export function isStale(node: NodeState, key: string): boolean {
  const epoch = Number(key.slice(key.lastIndexOf('|') + 1));
  return epoch < (node.controls.resets.get(keyPoint(key)) ?? 0);
}

/** The learner under this key, made when first asked for. */
export function learnerFor(node: NodeState, key: string, evidence: Evidence<unknown>): LearnerState {
  const known = node.learners.get(key);
  if (known?.slots.evidence !== undefined) return known;
  // A learner that was only passed through as bytes is understood from now on.
  const slots = learnerSlots(key, evidence);
  const dirty = known?.dirty ?? new Set<string>();
  for (const slot of known?.slots.slots.values() ?? []) {
    const bytes = slot.received ?? slot.bytes;
    if (bytes === undefined) continue;
    slot.evidence = readable(node, evidence, bytes, slot);
    if (slot.evidence !== undefined) hold(slots, slot);
    // What is marked and no longer held is deleted from the disk as well.
    else dirty.add(slot.origin);
  }
  const learner: LearnerState = {
    slots,
    others: mixture(evidence.zero()),
    dirty,
    baseDirty: false,
    guest: '',
  };
  node.learners.set(key, learner);
  return learner;
}

/** Evidence that was passed through before anybody here understood it gets the checks that it has not had. */
function readable(
  node: NodeState,
  evidence: Evidence<unknown>,
  bytes: Uint8Array,
  { origin, heardMs, heaviest }: Slot,
): unknown {
  try {
    const value = evidence.decode(bytes, node.limits);
    const treeMs = node.moment.treeMs;
    if (
      evidence.validate(value, node.limits) === undefined &&
      evidence.outcomes(value) <= mostOutcomes(node, origin, heardMs) &&
      evidence.inFuture?.(value, treeMs, SLACK_MS, Math.min(HEAVIEST_MAX, heaviest)) === undefined
    )
      return value;
    refuse(node, 'implausible_evidence');
  } catch {
    refuse(node, 'undecodable_evidence');
  }
  return undefined;
}

/**
 * Most outcomes that an origin can have by now. No origin learns faster than it can decide, from its opening on, which its
 * name tells; but nobody may claim to have learned unheard for longer than a week. The start stays where it is, whatever
 * comes later, so that slack is granted once and not with every message.
 * @param heardMs - tree time at which this node first heard of it
 */
export function mostOutcomes(node: NodeState, origin: string, heardMs: number): number {
  // A clock that was ahead when it opened costs nothing: it counts from when it was heard of.
  const startMs = Math.min(heardMs, Math.max(openedOf(origin), heardMs - UNSEEN_MS));
  const elapsedMs = Math.max(0, node.moment.treeMs - startMs) + SLACK_MS;
  return (node.tuning.plausibleOutcomesPerSecond * elapsedMs) / 1000;
}

/** What an origin that has not been heard of may have learned for, and how far clocks may be apart. */
const UNSEEN_MS = 7 * 86_400_000;
export const SLACK_MS = 60_000;

const originIn = (idPrefix: string): string =>
  idPrefix.slice(0, idPrefix.indexOf('~', idPrefix.indexOf('~') + 1));

/** What was decided under this prefix lives on elsewhere: what comes of it now goes to the current origin. */
export const isRetired = (node: NodeState, key: string, idPrefix: string): boolean =>
  node.retired.has(`${key}\n${originIn(idPrefix)}`);

/** This disk is older than what the parent knows of it: what comes of it now may have been counted before. */
export const isInDoubt = (node: NodeState, key: string, idPrefix: string): boolean =>
  node.inDoubt.size > 0 && node.inDoubt.has(`${key}\n${originIn(idPrefix)}`);

/**
 * The slot that what was decided under this prefix changes, marked as changed: that of the incarnation that decided, so
 * that a snapshot restored later can add nothing twice. Undefined where that origin is retired.
 */
export function taughtSlot(
  node: NodeState,
  learner: LearnerState,
  key: string,
  idPrefix: string,
): Slot | undefined {
  const origin = isRetired(node, key, idPrefix) ? node.origin : originIn(idPrefix);
  if (origin !== node.origin && !learner.slots.slots.has(origin) && !node.ownOrigins.has(origin)) {
    refuse(node, 'origin_retired');
    return undefined;
  }
  const slot = ownSlot(learner.slots, origin, node.moment.treeMs);
  if (slot.version === 0) {
    slot.quarantined = isQuarantined(node, node.name);
    // Of an earlier process the parent may know more than this disk does: it waits until the parent has answered.
    if (origin !== node.origin && !node.isRoot) slot.counted = false;
  }
  slot.version++;
  slot.changedMs = node.moment.treeMs;
  learner.dirty.add(origin);
  return slot;
}
