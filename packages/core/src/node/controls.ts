import { STANDING_MAX } from '../controls/control-codec.ts';
import { type ControlState, EMPTY_CONTROLS, joinControls } from '../controls/control-state.ts';
import {
  isRemoved,
  type Range,
  type Removed,
  removedTags,
  sayerOf,
  sizeOfRemoved,
  unionRemoved,
} from '../controls/removed.ts';
import { applyQuarantine } from '../sync/slots.ts';
import { controlsStatus } from './control-report.ts';
import { fits } from './control-room.ts';
import { heldBefore, rememberHeld } from './held-leases.ts';
import { jsonSize } from './json-bytes.ts';
import { isAwaited } from './known-children.ts';
import type { ChildLink } from './links.ts';
import { isBelow } from './names.ts';
import { refreshView, syncPoints } from './points.ts';
import { isOut } from './quarantine.ts';
import { emit, type NodeState, refuse } from './state.ts';

/** Puts a new control state in force, at once in memory; it is on disk with the next batch. */
export function changeControls(node: NodeState, controls: ControlState, placeChanged = false): void {
  if (controls === node.controls && !placeChanged) return;
  const changed = controls !== node.controls;
  const before = heldBefore(node);
  node.controls = controls;
  if (changed) node.controlsDirty = true;
  syncPoints(node);
  rememberHeld(node, before);
  for (const learner of node.learners.values())
    if (applyQuarantine(learner.slots, (slot) => isOut(node, slot)))
      for (const state of node.points.values()) refreshView(node, state);
  for (const link of node.children.values()) link.urgent = true;
  if (node.parent !== undefined) node.parent.urgent = true;
  if (node.listeners.size > 0)
    emit(node, { kind: 'controls', node: node.name, controls: controlsStatus(node) });
}

/**
 * What a child may add to our controls: what is said at a place in its subtree, for that place. A tag names who said it,
 * and nobody says anything for a place but those who are there. `own`: this node's own words, which it had under seal;
 * only these tell a node that its disk is behind. A root that has started with nothing at all believes its children for a
 * while, for nobody else knows what it was.
 */
export function acceptFromChild(
  node: NodeState,
  child: string,
  theirs: ControlState,
  own: ControlState | undefined,
): ControlState {
  let ours = own === undefined ? node.controls : joinControls(node.controls, own);
  if (believesChildren(node)) return joinControls(ours, allButOwn(node, ours, theirs));
  const below = (tag: string): boolean => isBelow(node, child, sayerOf(tag));
  ours = joinControls(ours, { ...EMPTY_CONTROLS, removed: removedBelow(node, ours, theirs.removed, below) });
  const kills = newTags(node, ours, ours.kills, theirs.kills, below);
  const overrides = newTags(node, ours, ours.overrides, theirs.overrides, below);
  const quarantines = new Map(
    [...newTags(node, ours, ours.quarantines, theirs.quarantines, below)].filter(([, said]) =>
      isBelow(node, child, said.node),
    ),
  );
  // Where there is not room for all, what stops something comes first.
  for (const said of [{ kills, overrides, quarantines }, { kills }]) {
    const joined = joinControls(ours, { ...EMPTY_CONTROLS, ...said });
    if (fits(node, joined, 'children')) return joined;
    refuse(node, 'too_many_controls');
  }
  return ours;
}

/**
 * What a child says under tags that are new here. What was said first stands, or a child could turn a standing kill
 * into one of nothing.
 */
function newTags<T extends { readonly subtree: string }>(
  node: NodeState,
  state: ControlState,
  ours: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  below: (tag: string) => boolean,
): ReadonlyMap<string, T> {
  const out = new Map<string, T>();
  const room = roomBelow(node, ours, below);
  for (const [tag, said] of theirs) {
    if (ours.has(tag) || isRemoved(state.removed, tag)) continue;
    if (sayerOf(tag) === node.name) refuse(node, 'forged_control');
    else if (!below(tag) || said.subtree !== sayerOf(tag)) refuse(node, 'control_beyond_child');
    else if (!room.takes(said)) refuse(node, 'too_many_controls');
    else out.set(tag, said);
  }
  return out;
}

/** Most that children may have standing of one kind, as JSON. */
const STANDING_BYTES = 1 << 20;

/**
 * Room for what a child says: of the number that may stand, and of the bytes that children may use, each takes as much as
 * is left free, so that there is room for what others say, people at this node above all, and all of it fits a message.
 */
function roomBelow(
  node: NodeState,
  standing: ReadonlyMap<string, { readonly subtree: string }>,
  below: (tag: string) => boolean,
): { takes(said: unknown): boolean } {
  let used: { count: number; bytes: number; own: number; ownBytes: number } | undefined;
  return {
    takes(said) {
      if (used === undefined) {
        used = { count: standing.size, bytes: 0, own: 0, ownBytes: 0 };
        for (const [tag, each] of standing) {
          if (!node.routes.has(sayerOf(tag))) continue;
          const bytes = jsonSize(each);
          used.bytes += bytes;
          if (!below(tag)) continue;
          used.own++;
          used.ownBytes += bytes;
        }
      }
      const bytes = jsonSize(said);
      if (used.own >= STANDING_MAX - used.count || used.ownBytes + bytes > STANDING_BYTES - used.bytes)
        return false;
      used.count++;
      used.own++;
      used.bytes += bytes;
      used.ownBytes += bytes;
      return true;
    },
  };
}

/** Whatever a child may say to a root that knows nothing, it does not speak for this very process. */
function allButOwn(node: NodeState, ours: ControlState, theirs: ControlState): ControlState {
  const others = <T>(mine: ReadonlyMap<string, T>, all: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map(
      [...all].filter(([tag]) => {
        const forged = tag.startsWith(`${node.origin}~`) && !mine.has(tag) && !isRemoved(ours.removed, tag);
        if (forged) refuse(node, 'forged_control');
        return !forged && !mine.has(tag);
      }),
    );
  const ranges = new Map(theirs.removed.ranges);
  ranges.delete(node.origin);
  return {
    ...theirs,
    kills: others(ours.kills, theirs.kills),
    overrides: others(ours.overrides, theirs.overrides),
    quarantines: others(ours.quarantines, theirs.quarantines),
    removed: { ...theirs.removed, ranges },
  };
}

/** Most of what was taken back that children may add to. */
const REMOVED_MAX = 50_000;
const REMOVED_BYTES = 2 << 20;

/** What a child takes back of what was said in its subtree, whether it is known here or not. */
function removedBelow(
  node: NodeState,
  state: ControlState,
  theirs: Removed,
  below: (tag: string) => boolean,
): Removed {
  for (const said of [state.kills, state.overrides, state.quarantines])
    for (const tag of said.keys())
      if (!below(tag) && isRemoved(theirs, tag)) refuse(node, 'removal_without_authority');
  const ranges = new Map<string, readonly Range[]>();
  for (const [origin, list] of theirs.ranges) if (below(origin)) ranges.set(origin, list);
  const odd = removedTags([...theirs.odd].filter(below)).odd;
  const more = unionRemoved(state.removed, { ranges, odd });
  if (
    more === state.removed ||
    (sizeOfRemoved(more) <= REMOVED_MAX && jsonSize([...more.ranges, ...more.odd]) <= REMOVED_BYTES)
  )
    return more;
  refuse(node, 'too_many_controls');
  return state.removed;
}

/** A root that started on an empty disk, for as long as its children may take to come and tell it what it was. */
export function believesChildren(node: NodeState): boolean {
  return node.isRoot && node.blank && node.moment.monoMs - node.startedMonoMs < node.tuning.restartGraceMs;
}

/**
 * A parent grants at most what it holds. A root that has just started waits for what its children know: one that had a
 * disk, for all that it knew; one that had none, for whoever asks.
 */
export function mayGrant(node: NodeState, link: ChildLink): boolean {
  if (!node.isRoot) return Number.isFinite(node.moment.leaseAgeMs);
  if (node.moment.monoMs - node.startedMonoMs >= node.tuning.restartGraceMs) return true;
  if (node.controls !== node.durableControls) return false;
  if (node.blank) return hasToldAll(node, link);
  return isToldByAll(node);
}

/** Whether every child that is waited for has told us all that it holds beside what is durable here. */
function isToldByAll(node: NodeState): boolean {
  if (node.awaited?.digest !== node.durableDigest) {
    const names = new Set<string>();
    for (const [name, known] of node.knownChildren) if (isAwaited(node, known)) names.add(name);
    for (const link of node.children.values()) if (hasToldAll(node, link)) names.delete(link.node);
    node.awaited = { digest: node.durableDigest, names };
  }
  return node.awaited.names.size === 0;
}

/** A child has spoken: it may have been waited for. */
export function noteTold(node: NodeState, link: ChildLink): void {
  if (node.awaited !== undefined && hasToldAll(node, link)) node.awaited.names.delete(link.node);
}

/** It holds what we hold and no more, or has handed us the rest since. */
const hasToldAll = (node: NodeState, link: ChildLink): boolean =>
  link.digest === node.durableDigest ||
  (link.joined === node.durableDigest && link.handed === node.durableDigest);
