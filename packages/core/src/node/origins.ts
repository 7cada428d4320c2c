import { nodeOf } from '../sync/slots.ts';
import type { NodeState } from './state.ts';

/** Digits of the opening time at the head of an incarnation: base 36, ms, up to the year 5188. */
const TIME_DIGITS = 9;
/** All of an incarnation: its opening time, then chance, so that two processes on copies of one disk never share a name. */
const INCARNATION_DIGITS = TIME_DIGITS + 14;

/** An opening time further ahead than this is no time: clocks of devices are off by seconds, at worst by a day. */
export const AHEAD_MS = 86_400_000;

/** The opening time as the head of an incarnation. @param openedMs - tree time as far as it is known */
export function openingDigits(openedMs: number): string {
  return Math.max(0, Math.floor(openedMs)).toString(36).padStart(TIME_DIGITS, '0').slice(-TIME_DIGITS);
}

/** When an origin was opened, tree time in ms as its node knew it; 0 where its name does not say. */
export function openedOf(origin: string): number {
  const incarnation = origin.slice(origin.indexOf('~') + 1);
  return incarnation.length === INCARNATION_DIGITS
    ? Number.parseInt(incarnation.slice(0, TIME_DIGITS), 36)
    : 0;
}

/**
 * When a new incarnation is to be opened: now, but after all that this disk knows of, or the order of a node's
 * incarnations could not be read from their names. A clock that was far ahead is not followed for ever.
 */
export function nextOpening(origins: Iterable<string>, nowMs: number): number {
  let last = Number.NEGATIVE_INFINITY;
  for (const origin of origins) last = Math.max(last, openedOf(origin));
  return last < nowMs ? nowMs : Math.min(last + 1, nowMs + AHEAD_MS);
}

/** The slot that holds what was folded: no process speaks under it. */
export const retiredOrigin = (node: Pick<NodeState, 'name'>): string => `${node.name}~retired`;

/**
 * Why evidence that is not held here is refused, if it is: its origin was opened no later than one of its node that has been
 * folded in this learner, so it may be among what was; or it claims to come from the future, which would close the name
 * of its node.
 */
export function closedBy(node: NodeState, key: string, origin: string): string | undefined {
  const openedMs = openedOf(origin);
  if (node.isRoot && openedMs > node.moment.treeMs + AHEAD_MS) return 'origin_from_future';
  return openedMs <= markOf(node, key, origin) ? 'evidence_of_retired_origin' : undefined;
}

/** The newest opening among the origins of this node that were folded in this learner; −1: none was. */
export const markOf = (node: NodeState, key: string, origin: string): number =>
  Math.max(
    node.folded.get(markKey(key, nodeOf(origin))) ?? -1,
    node.folded.get(markKey(key, EVERYBODY)) ?? -1,
  );

export const markKey = (key: string, name: string): string => `${key}\n${name}`;

/** The mark for nodes whose own has been given up. No node has this name. */
export const EVERYBODY = '*';
