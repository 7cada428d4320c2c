import type { SlotMessage } from '../sync/messages.ts';
import { isBehind, nodeOf, type Slot } from '../sync/slots.ts';
import { foldedMore } from './folded-versions.ts';
import { nameForeign, turnAway, unname } from './foreign.ts';
import type { ChildLink } from './links.ts';
import { brings } from './names.ts';
import { closedBy } from './origins.ts';
import { type NodeState, refuse } from './state.ts';

/** More are not kept for one child. */
const PARKED_MAX = 10_000;

/**
 * Whether a child may list this slot. Where its node is another's it is parked: it may have moved, and nobody has
 * noticed yet, or somebody uses its name. Until that is known it counts below that child alone, and is in no sum here.
 */
export function isTheirs(node: NodeState, link: ChildLink, message: SlotMessage): boolean {
  const at = `${message.key}\n${message.origin}`;
  const name = nodeOf(message.origin);
  if (brings(node, link, message.key, message.origin)) {
    link.parked.delete(at);
    return true;
  }
  refuse(node, 'name_of_another');
  const ours = name === node.name || node.path.includes(name);
  if (!ours && isNews(node, message) && (link.parked.has(at) || link.parked.size < PARKED_MAX)) {
    link.parked.set(at, { message, seq: link.heard });
    // It was told to drop an older version: this one it must keep, for it may be the only one.
    unname(link, message.key, message.origin);
  } else leave(node, link, at, message);
  return false;
}

/** What we hold already is an old copy there: whoever lists it should drop it, and has what we hold in its base. */
const isNews = (node: NodeState, message: SlotMessage): boolean =>
  message.version > (heldOf(node, message)?.version ?? 0);

const heldOf = (node: NodeState, { key, origin }: SlotMessage): Slot | undefined =>
  node.learners.get(key)?.slots.slots.get(origin);

function leave(node: NodeState, link: ChildLink, at: string, message: SlotMessage): void {
  link.parked.delete(at);
  turnAway(node, link, message.key, message.origin, isOld(node, message));
}

/** Its disk may be an older image. */
function isOld(node: NodeState, message: SlotMessage): boolean {
  const held = heldOf(node, message);
  return held !== undefined && isBehind(held, message);
}

/**
 * What came by this child has come by another. It is told to drop its copy, and the parked one is that copy: taken later,
 * it would be held here alone. A newer one is still to be settled, and nobody else may have it: it stays.
 */
export function loseTo(loser: ChildLink, { key, origin, version }: SlotMessage): void {
  const at = `${key}\n${origin}`;
  const parked = loser.parked.get(at);
  if (parked !== undefined && parked.message.version > version) return;
  loser.parked.delete(at);
  nameForeign(loser, key, origin);
}

/** Takes what was parked once its node is no longer another's. */
export function retryParked(
  node: NodeState,
  link: ChildLink,
  take: (slot: SlotMessage, seq: number) => boolean,
): void {
  const { monoMs } = node.moment;
  if (link.parked.size === 0 || monoMs - link.parkedMs < node.tuning.heartbeatMs) return;
  link.parkedMs = monoMs;
  for (const [at, { message, seq }] of [...link.parked]) {
    if (!refusesClosed(node, link, message)) {
      const theirs = brings(node, link, message.key, message.origin);
      if (!theirs && isNews(node, message)) continue;
      link.parked.delete(at);
      if (theirs) take(message, seq);
      else turnAway(node, link, message.key, message.origin, isOld(node, message));
    }
    // Whether it is taken or named as foreign, what this child gets is another base from now on.
    const learner = node.learners.get(message.key);
    if (learner !== undefined) learner.slots.revision++;
    link.urgent = true;
  }
}

/** Whether its origin is closed, for it was folded: then what this child lists of it is refused, and it is told to drop it. */
export function refusesClosed(
  node: NodeState,
  link: ChildLink,
  { key, origin, version }: SlotMessage,
): boolean {
  if (node.learners.get(key)?.slots.slots.has(origin)) return false;
  const why = closedBy(node, key, origin);
  if (why === undefined) return false;
  const at = `${key}\n${origin}`;
  refuse(node, why);
  link.parked.delete(at);
  nameForeign(link, key, origin, foldedMore(node, at, version));
  return true;
}

/** Origins of one learner that are parked. */
export function parkedOrigins(link: ChildLink, key: string): ReadonlySet<string> {
  const out = new Set<string>();
  for (const { message } of link.parked.values()) if (message.key === key) out.add(message.origin);
  return out;
}
