import { DEFAULT_LIMITS } from '../limits.ts';
import { unlist } from '../sync/slots.ts';
import type { ChildLink } from './links.ts';
import type { NodeState } from './state.ts';

/**
 * The next base for this child names an origin that it lists and that reaches it by another way.
 * @param newer - whether more is known of it than the child lists by now; undefined: nothing is said of that
 */
export function nameForeign(link: ChildLink, key: string, origin: string, newer?: boolean): void {
  const set = link.foreign.get(key);
  if (set === undefined) link.foreign.set(key, new Set([origin]));
  else if (set.size < NAMED_MAX) set.add(origin);
  const at = `${key}\n${origin}`;
  if (newer === true && link.foreign.get(key)?.has(origin) === true) link.newer.add(at);
  // A copy that has come to it since is another: of a disk that is in step it must not be said that it is behind.
  if (newer === false) link.newer.delete(at);
  // A base that named it before is no answer: the child has listed it again since.
  const sent = link.bases.get(key);
  if (sent !== undefined) sent.foreign = sent.foreign.filter((other) => other !== origin);
}

/**
 * What a child lists is not taken from it, and it is told to drop it. If what we hold came from there, nobody may hold it
 * any more after that: it goes into what this child gets, too.
 */
export function turnAway(
  node: NodeState,
  link: ChildLink,
  key: string,
  origin: string,
  newer: boolean,
): void {
  const learner = node.learners.get(key);
  const slot = learner?.slots.slots.get(origin);
  if (learner !== undefined && slot?.route === link.key) {
    unlist(learner.slots, slot);
    learner.dirty.add(origin);
  }
  nameForeign(link, key, origin, newer);
}

/** What it lists is taken again: nothing is to be said of it any more. */
export function unname(link: ChildLink, key: string, origin: string): void {
  link.foreign.get(key)?.delete(origin);
  link.newer.delete(`${key}\n${origin}`);
}

/** The part of a base that says of which foreign origins more is known than the child lists. */
export function newerOf(
  link: ChildLink,
  key: string,
  foreign: readonly string[],
): { readonly newer?: readonly string[] } {
  const newer = foreign.filter((origin) => link.newer.has(`${key}\n${origin}`));
  return newer.length === 0 ? {} : { newer };
}

/** As many as an honest child may hold; a liar that lists more is not told of them. */
const NAMED_MAX = DEFAULT_LIMITS.origins;

/** Once the child holds a base that named them, they are gone there, and need not be named again. */
export function forgetForeign(link: ChildLink): void {
  for (const [key, base] of link.bases) {
    if (base.heldRevision < base.revision || base.foreign.length === 0) continue;
    for (const origin of base.foreign) unname(link, key, origin);
    base.foreign = [];
  }
}
