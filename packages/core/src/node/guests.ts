import { nodeOf } from '../sync/slots.ts';
import { comparisonsKey } from './comparing.ts';
import { forgetVersions } from './folded-versions.ts';
import type { LearnerState } from './learners-held.ts';
import { isStale, keyPoint } from './learning.ts';
import type { ChildLink } from './links.ts';
import { type NodeState, refuse } from './state.ts';

/**
 * Learners that nobody here asked for: a child lists them, and they are kept and passed on as bytes, for those above may
 * know more. Names are cheap, so no child may use up the places and the bytes there are: each has at most four times what
 * is left free, so that there is always room for another. What no declaration means any more is forgotten in time.
 */
export interface Guests {
  /** When they were last counted, monotonic ms; what came since has been added. */
  atMs: number;
  readonly learners: Map<string, number>;
  readonly bytes: Map<string, number>;
  /** Bytes of all of them. */
  total: number;
}

/** Most bytes of evidence that is passed on without being understood. */
const BYTES_MAX = 512 << 20;
/** A child may hold this many times what is left free. */
const OF_FREE = 4;
/** Between two looks, as a share of the time after which learners are forgotten. */
const LOOKS = 64;
/** One that has not heard from the root for longer does not know what is declared. */
const IN_TOUCH_MS = 3_600_000;

const mayTake = (held: number, more: number, free: number): boolean => held + more <= OF_FREE * free;

/** Learners that a node may hold: those of the points that it may have, with room for their experiments and former keys. */
export const learnersMax = (node: NodeState): number => node.limits.points * 4;

/** Whether this child may bring a learner that is not known here. */
export function takesLearner(node: NodeState, link: ChildLink): boolean {
  const free = learnersMax(node) - node.learners.size;
  if (free <= 0) return refused(node, 'too_many_learners');
  const { learners } = counted(node);
  const held = learners.get(link.node) ?? 0;
  if (!mayTake(held, 1, free)) return refused(node, 'learners_beyond_share');
  learners.set(link.node, held + 1);
  return true;
}

/** Whether this child may bring a slot of an origin that is not held in this learner. */
export function takesOrigin(node: NodeState, { slots }: LearnerState, link: ChildLink): boolean {
  const free = node.limits.origins - slots.slots.size;
  if (free <= 0) return refused(node, 'too_many_origins');
  // All of them together are fewer than this child may have: the usual case, without a look at who has how many.
  if (mayTake(slots.slots.size, 1, free)) return true;
  let held = 0;
  for (const [key, group] of slots.groups) if (nodeOf(key) === link.node) held += group.origins.size;
  return mayTake(held, 1, free) || refused(node, 'origins_beyond_share');
}

/** Whether this child may bring so many bytes of evidence that nobody here understands. */
export function takesBytes(node: NodeState, link: ChildLink, bytes: number): boolean {
  const guests = counted(node);
  const held = guests.bytes.get(link.node) ?? 0;
  if (!mayTake(held, bytes, BYTES_MAX - guests.total)) return refused(node, 'evidence_without_room');
  guests.bytes.set(link.node, held + bytes);
  guests.total += bytes;
  return true;
}

function refused(node: NodeState, why: string): false {
  refuse(node, why);
  return false;
}

/** Counted anew now and then: they come and go in many ways. */
function counted(node: NodeState): Guests {
  const { guests, moment } = node;
  if (moment.monoMs - guests.atMs < node.tuning.heartbeatMs) return guests;
  const fresh: Guests = { atMs: moment.monoMs, learners: new Map(), bytes: new Map(), total: 0 };
  const add = (sums: Map<string, number>, child: string, more: number): void => {
    sums.set(child, (sums.get(child) ?? 0) + more);
  };
  for (const { guest, slots } of node.learners.values()) {
    if (guest !== '') add(fresh.learners, guest, 1);
    if (slots.evidence !== undefined) continue;
    for (const { route, received, bytes } of slots.slots.values()) {
      const size = (received ?? bytes)?.length ?? 0;
      add(fresh.bytes, nodeOf(`${route}~`), size);
      fresh.total += size;
    }
  }
  node.guests = fresh;
  return fresh;
}

/** Forgets now and then learners that no declaration means, once nothing of theirs has changed for long. */
export function forgetLearners(node: NodeState): void {
  const { moment, tuning } = node;
  if (moment.monoMs - node.learnersMs < tuning.forgetLearnerMs / LOOKS) return;
  node.learnersMs = moment.monoMs;
  // Who is cut off, or has just come, has yet to hear what is declared.
  if (!(moment.leaseAgeMs < IN_TOUCH_MS)) return;
  const meant = new Set<string>();
  for (const states of [node.points, node.joins])
    for (const state of states.values()) meant.add(state.learnerKey).add(comparisonsKey(state));
  for (const [key, learner] of node.learners) {
    if (meant.has(key) || isDeclaredOnly(node, key)) continue;
    let changedMs = Number.NEGATIVE_INFINITY;
    for (const slot of learner.slots.slots.values()) changedMs = Math.max(changedMs, slot.changedMs);
    if (moment.treeMs - changedMs < tuning.forgetLearnerMs) continue;
    refuse(node, 'learner_forgotten');
    dropLearner(node, key, learner);
  }
}

/** Its point is declared and not understood here: what those above make of it, nobody here can know. */
function isDeclaredOnly(node: NodeState, key: string): boolean {
  const point = keyPoint(key);
  const declared = node.controls.specs.get(point);
  if (declared === undefined || declared.spec === null) return false;
  return node.points.get(point)?.source.specVersion !== declared.version;
}

/** Learners of deleted points and of epochs before the last reset go; what children still send of them is refused. */
export function dropStaleLearners(node: NodeState): void {
  for (const [key, learner] of node.learners) if (isStale(node, key)) dropLearner(node, key, learner);
}

/** Takes a learner out of memory and off the disk. */
function dropLearner(node: NodeState, key: string, { slots }: LearnerState): void {
  node.learners.delete(key);
  node.writes.push({ kind: 'delete', collection: 'base', key });
  for (const origin of slots.slots.keys())
    node.writes.push({ kind: 'delete', collection: 'slot', key: `${key}\n${origin}` });
  for (const mark of node.folded.keys())
    if (mark.startsWith(`${key}\n`) && node.folded.delete(mark))
      node.writes.push({ kind: 'delete', collection: 'folded', key: mark });
  forgetVersions(node, key);
  for (const link of node.children.values()) {
    link.bases.delete(key);
    link.listed.delete(key);
    for (const origin of link.foreign.get(key) ?? []) link.newer.delete(`${key}\n${origin}`);
    link.foreign.delete(key);
  }
}
