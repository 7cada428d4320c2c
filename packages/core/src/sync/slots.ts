import type { Evidence } from '../evidence.ts';

/**
 * What one node holds of one learner: a slot for every origin it has heard of, its own among them, and the base: the
 * sum of everybody outside its subtree, as its parent last gave it.
 *
 * Slots travel, not sums: the newest version of a slot wins, so redelivery, reordering and loss do no harm. Nobody hears
 * himself twice, because a slot counts here only when the base in hand cannot hold it: it came under an origin that has
 * never been sent elsewhere (`onlyVia`), or the parent has said that this base leaves it out (see `adoptBase`).
 */
export interface LearnerSlots {
  readonly key: string;
  /** Undefined where this node does not know the learner: slots pass through as bytes. */
  readonly evidence: Evidence<unknown> | undefined;
  readonly slots: Map<string, Slot>;
  /** Of these, the node's own: few, beside thousands from below. */
  readonly own: Map<string, Slot>;
  /** Children's slots by the child they come from, each group with its running sum; and all groups together. */
  readonly groups: Map<string, Group>;
  readonly below: RunningSum;
  base: Base | undefined;
  /** When it was adopted, monotonic ms; −Infinity: never, or by an earlier process. */
  baseMs: number;
  /**
   * Origins that have left for elsewhere while this process ran, oldest first. A message that was under way meanwhile may
   * still say that its slot has been nowhere else: what comes back under these names waits for the base to leave it out.
   */
  readonly departed: Set<string>;
  /** Rises whenever something that sums are made of has changed. */
  revision: number;
}

/** The slots that came from one child. */
export interface Group {
  readonly origins: Set<string>;
  readonly sum: RunningSum;
  /** Slots of this group that do not count yet: until they do, its child gets no new base. */
  uncounted: number;
}

/** A sum kept up by differences, and made anew now and then so that rounding cannot add up. */
export interface RunningSum {
  value: unknown;
  changes: number;
  stale: boolean;
}

export interface Slot {
  readonly origin: string;
  /** The node of the origin. */
  readonly node: string;
  version: number;
  /** As last made durable here; what is sent. Undefined: nothing durable yet. */
  bytes: Uint8Array | undefined;
  /** As last received from a child: on its way to the disk. Undefined for own slots, which are encoded anew. */
  received: Uint8Array | undefined;
  durableVersion: number;
  /** Decoded; for own slots it may be ahead of `bytes`. */
  evidence: unknown;
  /** The child (its origin) it last came from; '' for own slots. */
  route: string;
  /** The one parent origin it has ever been sent to, or '' where there were several. */
  onlyVia: string;
  /** The largest sampling weight among its outcomes, from 1: more than that they weigh only if they are of the future. */
  heaviest: number;
  /** Whether it is part of this node's sums. */
  counted: boolean;
  /** Its node is quarantined, or it came through such a one: kept and passed on, but part of no sum. */
  quarantined: boolean;
  /** The child that sent it says that it came through a quarantined one. */
  out: boolean;
  /** What the parent has acknowledged of that. */
  toldOut: boolean;
  /** The one parent origin this node has ever sent it to; '' before, `*` once there were several. */
  sentTo: string;
  /** As that is on disk: it goes nowhere before, or a restart would not know where it has been. */
  sentToDurable: string;
  /** Number of the upload in which the parent was first told of it by this process; 0: not yet. */
  listedIn: number;
  /** Version that the parent has acknowledged. */
  ackedVersion: number;
  /** The newest upload with it that the parent has acknowledged: it may be one before that of `listedIn`, given up for lost. */
  ackedIn: number;
  /** How often this process has claimed it back as its own. */
  claims: number;
  /** Tree time of the last change, ms. */
  changedMs: number;
  /** Tree time at which this node first heard of it, ms: what it may have learned is measured from there. */
  readonly heardMs: number;
}

/** Everybody outside the subtree, as of an upload. */
export interface Base {
  readonly evidence: unknown;
  /** Parent's revision; a newer one replaces. */
  readonly revision: number;
  /** The upload that the parent had processed when it made this. */
  readonly asOf: number;
}

export function learnerSlots(key: string, evidence: Evidence<unknown> | undefined): LearnerSlots {
  return {
    key,
    evidence,
    slots: new Map(),
    own: new Map(),
    groups: new Map(),
    below: runningSum(),
    base: undefined,
    baseMs: Number.NEGATIVE_INFINITY,
    departed: new Set(),
    revision: 1,
  };
}

/** `node~incarnation` */
export const originOf = (node: string, incarnation: string): string => `${node}~${incarnation}`;
export const nodeOf = (origin: string): string => origin.slice(0, origin.indexOf('~'));

export function ownSlot(learner: LearnerSlots, origin: string, nowMs: number): Slot {
  let slot = learner.slots.get(origin);
  if (slot === undefined) {
    slot = {
      origin,
      node: nodeOf(origin),
      version: 0,
      bytes: undefined,
      received: undefined,
      durableVersion: 0,
      evidence: learner.evidence?.zero(),
      route: '',
      onlyVia: '',
      heaviest: 1,
      counted: true,
      quarantined: false,
      out: false,
      toldOut: false,
      sentTo: '',
      sentToDurable: '',
      listedIn: 0,
      ackedVersion: 0,
      ackedIn: 0,
      claims: 0,
      changedMs: nowMs,
      heardMs: nowMs,
    };
    hold(learner, slot);
  }
  return slot;
}

/** Puts a slot in its places. */
export function hold(learner: LearnerSlots, slot: Slot): void {
  learner.slots.set(slot.origin, slot);
  if (slot.route === '') learner.own.set(slot.origin, slot);
  else enter(learner, slot);
}

/** Takes a slot out of everything. */
export function drop(learner: LearnerSlots, slot: Slot): void {
  if (slot.route !== '') leave(learner, slot);
  learner.own.delete(slot.origin);
  learner.slots.delete(slot.origin);
  learner.revision++;
}

export interface IncomingSlot {
  readonly origin: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Undefined where this node cannot decode it. */
  readonly evidence: unknown;
  readonly onlyVia: string;
  readonly out?: boolean | undefined;
  readonly heaviest?: number | undefined;
}

/** `older`: the child holds an older copy, or another content under the same version; it should drop it. */
export type Reception = 'news' | 'known' | 'older';

/**
 * Takes a slot from a child. `previous` tells which child loses the route, if one does.
 * `isRoot`: nothing can reach the root by another way, so all of it counts.
 */
export function receiveSlot(
  learner: LearnerSlots,
  incoming: IncomingSlot,
  child: string,
  at: {
    readonly selfOrigin: string;
    readonly isRoot: boolean;
    readonly quarantined: boolean;
    readonly nowMs: number;
  },
): { readonly result: Reception; readonly previous: string } {
  const known = learner.slots.get(incoming.origin);
  if (known === undefined) {
    const counted =
      at.isRoot || (incoming.onlyVia === at.selfOrigin && !learner.departed.has(incoming.origin));
    const slot: Slot = {
      ...incoming,
      out: incoming.out === true,
      heaviest: incoming.heaviest ?? 1,
      toldOut: false,
      node: nodeOf(incoming.origin),
      bytes: undefined,
      received: incoming.bytes,
      durableVersion: 0,
      route: child,
      counted,
      quarantined: at.quarantined,
      sentTo: '',
      sentToDurable: '',
      listedIn: 0,
      ackedVersion: 0,
      ackedIn: 0,
      claims: 0,
      changedMs: at.nowMs,
      heardMs: at.nowMs,
    };
    hold(learner, slot);
    return { result: 'news', previous: '' };
  }
  // Nobody else speaks for this node's own origins.
  if (known.route === '') return { result: 'older', previous: '' };
  if (isBehind(known, incoming)) return { result: 'older', previous: '' };
  if (incoming.version === known.version && known.route === child && known.out === (incoming.out === true))
    return { result: 'known', previous: '' };
  const previous = known.route === child ? '' : known.route;
  leave(learner, known);
  Object.assign(known, {
    version: incoming.version,
    received: incoming.bytes,
    evidence: incoming.evidence,
    route: child,
    onlyVia: incoming.onlyVia,
    out: incoming.out === true,
    heaviest: incoming.heaviest ?? 1,
    quarantined: at.quarantined,
    changedMs: at.nowMs,
  });
  enter(learner, known);
  return { result: 'news', previous };
}

/** Whether less is listed of an origin than is known of it, or as much and not the same: it went on from an older image. */
export const isBehind = (known: Slot, listed: Pick<IncomingSlot, 'version' | 'bytes'>): boolean =>
  listed.version < known.version ||
  (listed.version === known.version && !sameBytes(known.received ?? known.bytes, listed.bytes));

/** The child does not hold it any more: what it gets has it in, like that of any process which is gone. */
export function unlist(learner: LearnerSlots, slot: Slot): void {
  leave(learner, slot);
  slot.route = `${nodeOf(slot.route)}~${NOBODY}`;
  enter(learner, slot);
}

/** No process has this incarnation: those are longer. */
const NOBODY = '0';

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  if (a === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Puts a child's slot (back) into its group and the sums. */
export function enter(learner: LearnerSlots, slot: Slot): void {
  let group = learner.groups.get(slot.route);
  if (group === undefined) {
    group = { origins: new Set(), sum: runningSum(), uncounted: 0 };
    learner.groups.set(slot.route, group);
  }
  group.origins.add(slot.origin);
  if (!slot.counted) group.uncounted++;
  change(learner, group, slot, 1);
}

/** Takes a child's slot out of its group and the sums. */
export function leave(learner: LearnerSlots, slot: Slot): void {
  const group = learner.groups.get(slot.route);
  if (group === undefined || !group.origins.delete(slot.origin)) return;
  if (!slot.counted) group.uncounted--;
  change(learner, group, slot, -1);
  if (group.origins.size === 0) learner.groups.delete(slot.route);
}

function change(learner: LearnerSlots, group: Group, slot: Slot, sign: 1 | -1): void {
  learner.revision++;
  if (!inSums(slot)) return;
  shift(learner, group.sum, slot.evidence, sign);
  shift(learner, learner.below, slot.evidence, sign);
}

const inSums = (slot: Slot): boolean => slot.counted && !slot.quarantined && slot.evidence !== undefined;

/** Sums are made anew after this many differences. */
const RESUM_EVERY = 1024;

const runningSum = (): RunningSum => ({ value: undefined, changes: 0, stale: true });

function shift(learner: LearnerSlots, sum: RunningSum, term: unknown, sign: 1 | -1): void {
  const { evidence } = learner;
  if (sum.stale || evidence === undefined) return;
  if ((sign < 0 && evidence.subtract === undefined) || ++sum.changes > RESUM_EVERY) {
    sum.stale = true;
    return;
  }
  sum.value = sign > 0 ? evidence.add(sum.value, term) : evidence.subtract?.(sum.value, term);
}

/** Everything below this node: the counted slots of all children. */
export function sumBelow(learner: LearnerSlots): unknown {
  return settle(learner, learner.below, learner.slots.keys(), (slot) => slot.route !== '');
}

/** What came from one child. */
export function sumOf(learner: LearnerSlots, child: string): unknown {
  const group = learner.groups.get(child);
  return group === undefined
    ? learner.evidence?.zero()
    : settle(learner, group.sum, group.origins, () => true);
}

/** What came from all children but one, without some origins. */
export function sumOfOthers(learner: LearnerSlots, child: string, except: ReadonlySet<string>): unknown {
  const { evidence } = learner;
  let total = evidence?.zero();
  for (const origin of [...learner.slots.keys()].sort()) {
    const slot = learner.slots.get(origin) as Slot;
    if (slot.route !== '' && slot.route !== child && !except.has(origin) && inSums(slot))
      total = evidence?.add(total, slot.evidence);
  }
  return total;
}

/** Own evidence. `durable`: only what is on disk, the only thing that may be sent. */
export function sumOwn(
  learner: LearnerSlots,
  durable: (slot: Slot) => unknown = (slot) => slot.evidence,
): unknown {
  const { evidence } = learner;
  if (evidence === undefined) return undefined;
  let sum = evidence.zero();
  for (const slot of learner.own.values()) {
    const own = slot.counted && !slot.quarantined ? durable(slot) : undefined;
    if (own !== undefined) sum = evidence.add(sum, own);
  }
  return sum;
}

function settle(
  learner: LearnerSlots,
  sum: RunningSum,
  origins: Iterable<string>,
  which: (slot: Slot) => boolean,
): unknown {
  const { evidence } = learner;
  if (evidence === undefined) return undefined;
  if (!sum.stale) return sum.value;
  let total = evidence.zero();
  // Canonical order: the same slots give the same bits, in whatever order they came.
  for (const origin of [...origins].sort()) {
    const slot = learner.slots.get(origin) as Slot;
    if (inSums(slot) && which(slot)) total = evidence.add(total, slot.evidence);
  }
  sum.value = total;
  sum.changes = 0;
  sum.stale = false;
  return total;
}

/** What a new base changed: slots that left, and own ones that have to be claimed anew. */
export interface Adoption {
  readonly left: readonly Slot[];
  readonly claimed: readonly Slot[];
  /** Slots that stay, and must be written anew. */
  readonly changed: readonly Slot[];
}

/**
 * Adopts what the parent says of everybody else. `foreign` are origins that this node lists but that reach the base by
 * another way (the device moved, an older copy was restored, they were folded): in the same step they leave or, where
 * the parent has yet to hear their news, count no more. All others that the parent had heard of by then are left out of
 * the base, and so count from now on; a child's slot that it had not heard of may be in the base, and waits. This process's own origin is nobody else's: it goes up again as a newer version.
 * Returns undefined where the base is not newer than the one in hand.
 */
export function adoptBase(
  learner: LearnerSlots,
  base: Base,
  foreign: readonly string[],
  selfOrigin: string,
): Adoption | undefined {
  const current = learner.base;
  if (
    current !== undefined &&
    (base.asOf < current.asOf || (base.asOf === current.asOf && base.revision <= current.revision))
  )
    return undefined;
  const gone = new Set(foreign);
  const left: Slot[] = [];
  const claimed: Slot[] = [];
  const changed: Slot[] = [];
  for (const slot of [...learner.slots.values()]) {
    const listed = slot.listedIn > 0 && slot.listedIn <= base.asOf;
    const isGone = gone.has(slot.origin);
    // Own slots are nobody else's; a child's may have moved and be in this base, as long as the parent does not know of it here.
    if (!isGone) {
      if ((listed || slot.route !== '') && recount(learner, slot, listed)) changed.push(slot);
      continue;
    }
    const news = !listed || slot.durableVersion > slot.ackedVersion || slot.version > slot.durableVersion;
    const own = slot.origin === selfOrigin && slot.claims < CLAIMS_MAX;
    if (!news && !own) {
      drop(learner, slot);
      depart(learner, slot.origin);
      left.push(slot);
      continue;
    }
    if (!news) {
      slot.version++;
      slot.claims++;
      claimed.push(slot);
    }
    // The base holds an older copy of it: that counts until the parent has said that it has left it out.
    recount(learner, slot, false);
    slot.listedIn = 0;
    // What it held has been elsewhere: whoever takes it from us must not think that it cannot have been.
    slot.sentTo = '*';
    changed.push(slot);
  }
  learner.base = base;
  learner.revision++;
  return { left, claimed, changed };
}

/** Whether it is part of the sums from now on. Returns whether that is news. */
function recount(learner: LearnerSlots, slot: Slot, counted: boolean): boolean {
  if (slot.counted === counted) return false;
  if (slot.route !== '') leave(learner, slot);
  slot.counted = counted;
  if (slot.route !== '') enter(learner, slot);
  return true;
}

function depart(learner: LearnerSlots, origin: string): void {
  learner.departed.delete(origin);
  learner.departed.add(origin);
  if (learner.departed.size > DEPARTED_MAX)
    learner.departed.delete(learner.departed.values().next().value as string);
}

/** Far more than can be under way at once. */
const DEPARTED_MAX = 4096;

/** An origin that is refused this often has been closed to its process. */
const CLAIMS_MAX = 3;

/** Marks what is quarantined; sums are made anew where that changed. Returns whether it did. */
export function applyQuarantine(learner: LearnerSlots, isOut: (slot: Slot) => boolean): boolean {
  let changed = false;
  for (const slot of learner.slots.values()) {
    const quarantined = isOut(slot);
    if (slot.quarantined === quarantined) continue;
    slot.quarantined = quarantined;
    changed = true;
    const group = learner.groups.get(slot.route);
    if (group !== undefined) group.sum.stale = true;
    learner.below.stale = true;
  }
  if (changed) learner.revision++;
  return changed;
}
