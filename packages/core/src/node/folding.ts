import type { Write } from '../ports.ts';
import { drop, hold, type LearnerSlots, nodeOf, type Slot } from '../sync/slots.ts';
import {
  type FoldedVersion,
  forgetVersions,
  keepVersions,
  versionOf,
  versionWrite,
} from './folded-versions.ts';
import { nameForeign } from './foreign.ts';
import { jsonBytes } from './json-bytes.ts';
import type { LearnerState } from './learners-held.ts';
import { EVERYBODY, markKey, openedOf, retiredOrigin } from './origins.ts';
import { isSilent } from './silence.ts';
import { encodeSlot } from './slot-codec.ts';
import type { NodeState } from './state.ts';

/**
 * The root folds origins that will not speak again into one retired slot per learner, so that a tree that lives for
 * years does not carry every process that ever ran in it: superseded incarnations after `foldAfterMs` without a change,
 * and the newest of a node that nobody has heard of for `foldAbsentAfterMs`. What comes of them later is refused and
 * counted. See docs/adr/0011.
 */
export interface Fold {
  readonly parts: readonly Part[];
  /** The retired slots as they will be. */
  readonly retired: readonly Part[];
  readonly marks: ReadonlyMap<string, number>;
  readonly versions: ReadonlyMap<string, FoldedVersion>;
  readonly writes: readonly Write[];
}

interface Part {
  readonly learner: LearnerSlots;
  readonly slot: Slot;
}

/** Most slots in one batch. */
const SLOTS_A_FOLD = 2000;
/** Marks kept, as a multiple of the origins that a learner may have. */
const MARKS_AN_ORIGIN = 4;
/** The origins are looked through this often within `foldAfterMs`; by the first time, whoever lives has been heard. */
const LOOKS = 64;

/** Looks now and then whether there is something to fold; the next batch then does it. */
export function foldWhenDue(node: NodeState): void {
  const { moment, tuning } = node;
  if (!node.isRoot || moment.monoMs - node.foldedMs < tuning.foldAfterMs / LOOKS) return;
  node.foldedMs = moment.monoMs;
  node.foldDue = true;
  forgetVersions(node);
}

/**
 * Chooses what to fold into the batch that is being gathered. Nothing changes in memory before that is on disk; until
 * then messages that speak of it are treated as lost on their way. Undefined: nothing to fold.
 */
export function planFold(node: NodeState): Fold | undefined {
  if (!node.foldDue) return undefined;
  node.foldDue = false;
  const parts: Part[] = [];
  const retired: Part[] = [];
  const writes: Write[] = [];
  const marks = new Map<string, number>();
  const versions = new Map<string, FoldedVersion>();
  const newest = newestOpenings(node);
  const parked = new Set([...node.children.values()].flatMap((link) => [...link.parked.keys()]));
  for (const [key, learner] of node.learners) {
    const chosen = foldable(node, learner, newest, SLOTS_A_FOLD - parts.length).filter(
      // Where another child lists it too, it counts below that one, and must be in no total that goes there.
      ({ origin }) => !parked.has(`${key}\n${origin}`),
    );
    if (chosen.length === 0) continue;
    const into = sumInto(node, learner.slots, chosen);
    retired.push({ learner: learner.slots, slot: into });
    const value = encodeSlot(into, into.version, into.bytes as Uint8Array);
    writes.push({ kind: 'put', collection: 'slot', key: `${key}\n${into.origin}`, value });
    for (const slot of chosen) {
      parts.push({ learner: learner.slots, slot });
      const mark = markKey(key, slot.node);
      marks.set(mark, Math.max(marks.get(mark) ?? node.folded.get(mark) ?? 0, openedOf(slot.origin)));
      versions.set(`${key}\n${slot.origin}`, versionOf(node, slot));
      writes.push({ kind: 'delete', collection: 'slot', key: `${key}\n${slot.origin}` });
      if (slot.route === '') writes.push(retire(node, key, slot.origin));
    }
  }
  if (parts.length === 0) return undefined;
  for (const [mark, openedMs] of marks)
    writes.push({ kind: 'put', collection: 'folded', key: mark, value: jsonBytes(openedMs) });
  for (const [at, kept] of versions) writes.push(versionWrite(at, kept));
  node.folding = new Set(parts.map(({ learner, slot }) => `${learner.key}\n${slot.origin}`));
  return { parts, retired, marks, versions, writes };
}

/**
 * Late outcomes of an own origin that is no more go to the one in use. Where the parent knows more of it than this disk,
 * an older image, nobody can say which of them it has counted: they are in doubt, and refused.
 */
export function retire(node: NodeState, key: string, origin: string, inDoubt = false): Write {
  const at = `${key}\n${origin}`;
  node.retired.add(at);
  if (inDoubt) node.inDoubt.add(at);
  return { kind: 'put', collection: 'retired', key: at, value: new Uint8Array(inDoubt ? [1] : []) };
}

/** The retired slot of a learner with these in it. Canonical order: the same slots give the same bits. */
function sumInto(node: NodeState, learner: LearnerSlots, parts: readonly Slot[]): Slot {
  const evidence = learner.evidence!;
  const origin = retiredOrigin(node);
  const before = learner.slots.get(origin);
  let sum = before?.evidence ?? evidence.zero();
  for (const part of [...parts].sort((a, b) => (a.origin < b.origin ? -1 : 1)))
    sum = evidence.add(sum, part.evidence);
  const version = (before?.version ?? 0) + 1;
  return {
    origin,
    node: node.name,
    version,
    bytes: evidence.encode(sum),
    received: undefined,
    durableVersion: version,
    evidence: sum,
    route: '',
    onlyVia: '',
    heaviest: Math.max(before?.heaviest ?? 1, ...parts.map((part) => part.heaviest)),
    counted: true,
    quarantined: false,
    sentTo: '',
    sentToDurable: '',
    listedIn: 0,
    ackedVersion: 0,
    ackedIn: 0,
    claims: 0,
    out: false,
    toldOut: false,
    changedMs: node.moment.treeMs,
    heardMs: before?.heardMs ?? node.moment.treeMs,
  };
}

/** The batch is on disk: children hear with the total that holds what was folded that it has left their own. */
export function settleFold(node: NodeState, fold: Fold): void {
  node.folding = NOTHING;
  for (const [mark, openedMs] of fold.marks) node.folded.set(mark, openedMs);
  boundMarks(node);
  keepVersions(node, fold.versions);
  for (const { learner, slot } of fold.parts) {
    const link = node.children.get(slot.route);
    drop(learner, slot);
    if (link !== undefined) nameForeign(link, learner.key, slot.origin);
  }
  for (const { learner, slot } of fold.retired) hold(learner, slot);
  if (fold.parts.length >= SLOTS_A_FOLD) node.foldDue = true;
}

/** The batch is not on disk: all is as it was, and is looked at again. */
export function abandonFold(node: NodeState): void {
  node.folding = NOTHING;
  node.foldDue = true;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Marks of the nodes longest gone become one for each learner: what was opened before it and is not here is refused. */
function boundMarks(node: NodeState): void {
  const { folded } = node;
  const most = MARKS_AN_ORIGIN * node.limits.origins;
  if (folded.size <= most) return;
  const oldest = [...folded].filter(([mark]) => !mark.endsWith(`\n${EVERYBODY}`)).sort((a, b) => a[1] - b[1]);
  for (const [mark, openedMs] of oldest.slice(0, Math.ceil(most / 4))) {
    folded.delete(mark);
    node.writes.push({ kind: 'delete', collection: 'folded', key: mark });
    const all = markKey(mark.slice(0, mark.lastIndexOf('\n')), EVERYBODY);
    const least = Math.max(folded.get(all) ?? -1, openedMs);
    folded.set(all, least);
    node.writes.push({ kind: 'put', collection: 'folded', key: all, value: jsonBytes(least) });
  }
}

function foldable(
  node: NodeState,
  learner: LearnerState,
  newest: ReadonlyMap<string, number>,
  most: number,
): Slot[] {
  const out: Slot[] = [];
  for (const slot of learner.slots.slots.values()) {
    if (out.length >= most) break;
    if (slot.origin !== retiredOrigin(node) && isStill(learner, slot) && isOver(node, slot, newest))
      out.push(slot);
  }
  return out;
}

/** As on disk, understood, and part of the sums: what was quarantined must stay apart, to be taken out or back. */
const isStill = (learner: LearnerState, slot: Slot): boolean =>
  learner.slots.evidence !== undefined &&
  slot.evidence !== undefined &&
  slot.bytes !== undefined &&
  slot.received === undefined &&
  slot.version === slot.durableVersion &&
  slot.counted &&
  !slot.quarantined &&
  !learner.dirty.has(slot.origin);

function isOver(node: NodeState, slot: Slot, newest: ReadonlyMap<string, number>): boolean {
  const { moment, tuning } = node;
  const idleMs = moment.treeMs - slot.changedMs;
  if (slot.route === '') return slot.origin !== node.origin && idleMs >= tuning.foldAfterMs;
  const link = node.children.get(slot.origin);
  if (idleMs < tuning.foldAfterMs || (link !== undefined && !isSilent(node, link))) return false;
  if (openedOf(slot.origin) < (newest.get(slot.node) ?? 0)) return true;
  return idleMs >= tuning.foldAbsentAfterMs && silenceMs(node, slot.node) >= tuning.foldAbsentAfterMs;
}

/** When the newest incarnation of each node was opened, as far as the root has heard. */
function newestOpenings(node: NodeState): Map<string, number> {
  const newest = new Map<string, number>();
  const see = (origin: string): void => {
    const name = nodeOf(origin);
    newest.set(name, Math.max(newest.get(name) ?? 0, openedOf(origin)));
  };
  for (const { slots } of node.learners.values()) for (const origin of slots.slots.keys()) see(origin);
  for (const origin of node.children.keys()) see(origin);
  for (const [name, { telemetry }] of node.below) see(`${name}~${telemetry.status.incarnation}`);
  return newest;
}

/** Since a node was last heard of; infinite where this process has not. */
function silenceMs(node: NodeState, name: string): number {
  const { monoMs } = node.moment;
  const link = node.children.get(node.holders.get(name) ?? '');
  let least = link === undefined ? Number.POSITIVE_INFINITY : monoMs - link.lastHeardMs;
  const heard = node.below.get(name);
  if (heard !== undefined) least = Math.min(least, heard.telemetry.status.ageMs + monoMs - heard.receivedMs);
  return least;
}
