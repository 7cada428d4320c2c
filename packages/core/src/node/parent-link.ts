import { type ControlsJson, decodeControls, encodeControls } from '../controls/control-codec.ts';
import { joinControls } from '../controls/control-state.ts';
import { GanglionError } from '../errors.ts';
import {
  type Ask,
  type BaseMessage,
  type DownMessage,
  PROTOCOL,
  type RoutedFeedback,
  type SlotMessage,
} from '../sync/messages.ts';
import { adoptBase, type Slot } from '../sync/slots.ts';
import { appliedUp } from './acknowledgements.ts';
import { changeControls } from './controls.ts';
import { durable, flush } from './durability.ts';
import { retire } from './folding.ts';
import { nameForeign } from './foreign.ts';
import { recordFromAbove } from './heard-controls.ts';
import { unboundedUp } from './held-leases.ts';
import { takeRelayed } from './intake.ts';
import { jsonBytes, jsonSize } from './json-bytes.ts';
import type { LearnerState } from './learners-held.ts';
import type { ParentLink, Sent } from './links.ts';
import { dropOutbox, feedbackUp } from './outbox.ts';
import { cameThroughQuarantine } from './quarantine.ts';
import { rotateIncarnation } from './rotation.ts';
import { keepWords, wordsForgotten } from './seal.ts';
import type { SealedControls } from './secret.ts';
import { outstandingShare, setShare } from './shares.ts';
import { type NodeState, readClocks, refuse } from './state.ts';
import { telemetryUp } from './telemetry-up.ts';

const SLOTS_A_MESSAGE = 2000;
/** A quarter of what a receiver takes (16 MiB): bytes grow by a third on the way, and there is more in a message. */
const SLOT_BYTES_A_MESSAGE = 4 << 20;
const LEARNER_BYTES_A_MESSAGE = 1 << 20;
const FEEDBACK_ACKS_A_MESSAGE = 10_000;
const ASK_BYTES_A_MESSAGE = 1 << 20;
/** Controls that are longer go by themselves. */
const CONTROL_BYTES = 1 << 20;
const SENT_MAX = 64;

/** Sends what is due: a heartbeat, or at once what cannot wait. Content waits until the last content is acknowledged. */
export function pumpParent(node: NodeState): void {
  const link = node.parent;
  if (link === undefined || node.closed) return;
  const now = node.moment.monoMs;
  const clear = link.dataSeq === 0 || now - link.dataSentMs >= node.tuning.resendMs;
  const due = now - link.lastSentMs >= node.tuning.heartbeatMs;
  const asks = [...link.asks.values()].some((ask) => !ask.sent);
  if (!due && !asks && !(link.urgent && clear)) return;
  if (!due && !asks && now - link.lastSentMs < 1) return;
  sendUp(node, link, clear);
}

function asksUp(link: ParentLink): Ask[] {
  const out: Ask[] = [];
  let bytes = 0;
  for (const open of link.asks.values()) {
    if (open.sent) continue;
    if (bytes >= ASK_BYTES_A_MESSAGE) break; // with the next
    bytes += jsonSize(open.ask);
    open.sent = true;
    out.push(open.ask);
  }
  return out;
}

function sendUp(node: NodeState, link: ParentLink, clear: boolean): void {
  const { moment } = node;
  const seq = ++link.seq;
  const handed = controlsUp(node, link, seq);
  const alone = handed !== null && jsonSize(handed, CONTROL_BYTES) > CONTROL_BYTES;
  const withContent = clear && !alone;
  if (withContent && link.dataSeq !== 0) giveUp(link);
  const joinedUp = link.parentIncarnation !== '';
  const telemetryDue = !alone && moment.monoMs - link.telemetryMs >= node.tuning.telemetryEveryMs;
  if (telemetryDue) {
    link.telemetryMs = moment.monoMs;
    // Said again now and then: the parent may have heard otherwise by another way since.
    link.appliedSent.clear();
  }
  const { slots, chosen, complete } =
    withContent && joinedUp ? slotsUp(node, link, seq) : { slots: [], chosen: [], complete: false };
  const feedback = withContent && joinedUp ? feedbackUp(node) : [];
  const applied = withContent && joinedUp ? appliedUp(node, link) : [];
  const content = slots.length > 0 || feedback.length > 0 || applied.length > 0;
  if (content) {
    link.dataSeq = seq;
    link.dataSentMs = moment.monoMs;
  }
  link.sent.set(seq, {
    monoMs: moment.monoMs,
    wallMs: moment.wallMs,
    slots: chosen,
    feedback: feedback.map((f) => f.seq),
    applied: applied.map((a) => [a.node, a.tags.join(' ')] as const),
  });
  if (link.sent.size > SENT_MAX) link.sent.delete(link.sent.keys().next().value as number);
  const unbounded = unboundedUp(node);
  link.lastSentMs = moment.monoMs;
  link.urgent = alone;
  link.send({
    v: PROTOCOL,
    node: node.name,
    incarnation: node.incarnation,
    tier: node.tier,
    parentIncarnation: link.parentIncarnation,
    connection: link.connection,
    session: link.session,
    seq,
    heardDown: link.newestDown,
    content,
    complete: joinedUp && complete,
    slots,
    learners: alone ? [] : learnersUp(node, link),
    digest: node.durableDigest,
    joined: link.joined,
    controls: handed,
    words: handed === null ? null : wordsBeside(node, link, handed),
    applied,
    ...(unbounded.length > 0 ? { unbounded } : {}),
    feedback,
    feedbackAcks: link.feedbackAcks.splice(0, FEEDBACK_ACKS_A_MESSAGE),
    telemetry: telemetryDue ? telemetryUp(node) : [],
    share: outstandingShare(node),
    asks: asksUp(link),
  });
}

/** What the parent has forgotten, where it fits a message beside our controls: a link that is cut off carries neither. */
function wordsBeside(node: NodeState, link: ParentLink, handed: ControlsJson): SealedControls | null {
  const words = wordsForgotten(node, link.parentNode);
  if (words === null) return null;
  const most = (node.limits.messageBytes / 16) * 15;
  if (jsonSize(handed, most) + jsonSize(words.controls, most) <= most) return words;
  refuse(node, 'words_too_large');
  return null;
}

/** Our controls, where the parent has not heard of them, or has not adopted them for long. */
function controlsUp(node: NodeState, link: ParentLink, seq: number): ControlsJson | null {
  const pair = `${node.durableDigest}/${link.joined}`;
  const due =
    node.durableDigest !== link.joined &&
    (link.handed !== pair || // Heard but not adopted: the parent may not have known yet that what we say is ours to say.
      node.moment.monoMs - link.handedMs >= node.tuning.resendMs * (link.handedHeard ? 10 : 1));
  if (!due) return null;
  link.handed = pair;
  link.handedSeq = seq;
  link.handedMs = node.moment.monoMs;
  link.handedHeard = false;
  return encodeControls(node.durableControls);
}

/** The last content was lost, as far as we know: what it listed for the first time is listed anew. */
function giveUp(link: ParentLink): void {
  for (const { slot } of link.sent.get(link.dataSeq)?.slots ?? [])
    if (slot.ackedVersion === 0 || !slot.counted) slot.listedIn = 0;
  link.dataSeq = 0;
}

/**
 * The learners that this node reads, with the base that it holds of each. Those that it only passes on are not listed: of
 * them it could not use one.
 */
function learnersUp(node: NodeState, link: ParentLink): (readonly [string, number])[] {
  const known = [...node.learners].filter(([, { slots }]) => slots.evidence !== undefined);
  const out: (readonly [string, number])[] = [];
  const first = known.length === 0 ? 0 : link.learnersAt % known.length;
  let bytes = 0;
  for (const [key, { slots }] of [...known.slice(first), ...known.slice(0, first)]) {
    bytes += jsonSize(key) + 32;
    if (bytes > LEARNER_BYTES_A_MESSAGE) {
      link.learnersAt = first + out.length;
      break;
    }
    out.push([key, slots.base?.asOf === undefined ? -1 : slots.base.revision]);
  }
  return out;
}

/** Slots whose durable version the parent has not acknowledged, as they are on disk. */
function slotsUp(
  node: NodeState,
  link: ParentLink,
  seq: number,
): { slots: SlotMessage[]; chosen: Sent['slots'][number][]; complete: boolean } {
  const slots: SlotMessage[] = [];
  const chosen: Sent['slots'][number][] = [];
  const parentOrigin = `${link.parentNode}~${link.parentIncarnation}`;
  let complete = true;
  let bytes = 0;
  for (const [key, learner] of node.learners)
    for (const slot of learner.slots.slots.values()) {
      if (slot.bytes === undefined) continue;
      const out = cameThroughQuarantine(node, slot);
      const listed = slot.listedIn > 0 && slot.ackedIn >= slot.listedIn;
      if (listed && slot.ackedVersion >= slot.durableVersion && slot.toldOut === out) continue;
      const size = slot.bytes.length + key.length + slot.origin.length + parentOrigin.length;
      if (slots.length >= SLOTS_A_MESSAGE || (slots.length > 0 && bytes + size > SLOT_BYTES_A_MESSAGE))
        return { slots, chosen, complete: false };
      if (slot.sentTo !== parentOrigin && slot.sentTo !== '*') {
        slot.sentTo = slot.sentTo === '' ? parentOrigin : '*';
        learner.dirty.add(slot.origin);
      }
      // Where it goes is on disk first: after a restart nobody may claim that it has been nowhere else.
      if (slot.sentToDurable !== slot.sentTo) {
        complete = false;
        continue;
      }
      if (slot.listedIn === 0) slot.listedIn = seq;
      bytes += size;
      const alone = slot.sentTo === parentOrigin && isSure(node, slot);
      slots.push({
        key,
        origin: slot.origin,
        version: slot.durableVersion,
        onlyVia: alone ? parentOrigin : '',
        bytes: slot.bytes,
        ...(out ? { out } : {}),
        ...(slot.heaviest > 1 ? { heaviest: slot.heaviest } : {}),
      });
      chosen.push({ slot, version: slot.durableVersion, out });
    }
  return { slots, chosen, complete };
}

/**
 * Whether it can be told where it has been: of what this process learned itself, and of what came from a child that said so to
 * this process. What an earlier one learned may have been elsewhere, and this disk be an image from before that.
 */
const isSure = (node: NodeState, { origin, route, onlyVia }: Slot): boolean =>
  route === '' ? origin === node.origin : onlyVia === node.origin;

/** Takes a message from the parent. Malformed content is refused and counted; the node goes on. */
export function receiveDown(node: NodeState, down: DownMessage): void {
  const link = node.parent;
  if (link === undefined || node.closed) return;
  if (down.v !== PROTOCOL) return refuse(node, 'protocol_version');
  readClocks(node);
  if (down.heard <= link.formerSeq && link.formerSeq > 0) return refuse(node, 'former_incarnation');
  if (
    down.incarnation !== link.parentIncarnation ||
    down.node !== link.parentNode ||
    down.session !== link.session
  ) {
    // Whoever answered before has heard nothing that was sent since; whoever comes after will.
    if (down.heard <= link.joinedSeq) return refuse(node, 'former_parent');
    newParent(node, link, down);
  }
  const asked = link.sent.get(down.heard);
  link.lastHeardMs = node.moment.monoMs;
  if (asked !== undefined) measure(node, link, down, asked);
  const acked = link.sent.get(down.ack);
  if (acked !== undefined) acknowledge(node, link, down.ack, acked);
  if (down.ack === link.dataSeq) link.dataSeq = 0;
  // That very message: one that was overtaken is dropped there.
  if (down.heard === link.handedSeq) link.handedHeard = true;
  for (const seq of link.sent.keys()) if (seq < down.heard && seq !== link.dataSeq) link.sent.delete(seq);
  const stale = down.seq <= link.newestDown;
  link.newestDown = Math.max(link.newestDown, down.seq);
  if (!stale && down.path.length > 0 && down.path.join('/') !== node.path.slice(1).join('/')) {
    node.path = [node.name, ...down.path];
    // A kill said above holds after a restart too, before anybody has been heard.
    node.writes.push({ kind: 'put', collection: 'place', key: 'path', value: jsonBytes(down.path) });
    changeControls(node, node.controls, true);
  }
  if (!stale) setShare(node, down.share);
  for (const base of down.bases) takeBase(node, link, base);
  takeFeedbackDown(node, link, down.feedback);
  for (const answer of down.answers) {
    link.asks.get(answer.id)?.resolve(answer);
  }
  void takeControls(node, link, down, asked);
}

/** Another process answers as parent: everything is listed to it anew, and nothing it says of bases is older. */
function newParent(node: NodeState, link: ParentLink, down: DownMessage): void {
  link.joinedSeq = link.seq;
  link.session = down.session;
  link.parentIncarnation = down.incarnation;
  link.parentNode = down.node;
  link.dataSeq = 0;
  link.joined = '';
  link.handed = '';
  link.feedbackAcks = [];
  link.newestDown = 0;
  link.appliedSent.clear();
  link.urgent = true;
  for (const learner of node.learners.values()) {
    const { base } = learner.slots;
    if (base !== undefined) learner.slots.base = { evidence: base.evidence, revision: -1, asOf: 0 };
    for (const slot of learner.slots.slots.values()) {
      slot.listedIn = 0;
      slot.ackedVersion = 0;
      slot.ackedIn = 0;
      // In an earlier exchange it may have left this parent for the totals: nobody may take it for unheard of again.
      if (slot.sentTo === '' || slot.sentTo === '*') continue;
      slot.sentTo = '*';
      learner.dirty.add(slot.origin);
    }
  }
}

function measure(node: NodeState, link: ParentLink, down: DownMessage, asked: Sent): void {
  const rtt = Math.max(0, node.moment.monoMs - asked.monoMs);
  link.rttMs = Number.isFinite(link.rttMs) ? link.rttMs * 0.8 + rtt * 0.2 : rtt;
  node.moment.parentMs = link.rttMs;
  if (!isPlausible(node, down.treeMs)) return refuse(node, 'implausible_tree_time');
  // Tree time never goes back: what has been learned stays in the past.
  const tree = down.treeMs + rtt / 2;
  const mine = node.moment.monoMs + node.treeOffsetMs;
  if (tree > mine || mine - tree > 2 * rtt + 1) node.treeOffsetMs += Math.max(tree - mine, -TREE_SLEW_MS);
}

/** A parent that is a day ahead of this node's clock would date all that is learned into the future, for good. */
function isPlausible(node: NodeState, treeMs: number): boolean {
  const { wallMs } = node.moment;
  return treeMs >= 0 && treeMs <= (wallMs < CLOCK_UNSET_MS ? LAST_MS : wallMs + AHEAD_MS);
}

const AHEAD_MS = 86_400_000;
/** A clock before 2020 was never set: its node takes the parent's time whatever it is … */
const CLOCK_UNSET_MS = 1_577_836_800_000;
/** … up to the end of the year 9999. */
const LAST_MS = 253_402_300_799_999;

/** Tree time that runs ahead of the parent is slowed by at most this much a message, so that it never stands still for long. */
const TREE_SLEW_MS = 0.5;

function acknowledge(node: NodeState, link: ParentLink, seq: number, sent: Sent): void {
  for (const { slot, version, out } of sent.slots) {
    slot.toldOut = out;
    slot.ackedIn = Math.max(slot.ackedIn, seq);
    if (version > slot.ackedVersion) slot.ackedVersion = version;
  }
  for (const [name, tags] of sent.applied) link.appliedSent.set(name, tags);
  for (const seq of sent.feedback) forget(node, seq);
}

function takeBase(node: NodeState, link: ParentLink, message: BaseMessage): void {
  const learner = node.learners.get(message.key);
  const evidence = learner?.slots.evidence;
  if (learner === undefined || evidence === undefined) return;
  try {
    const value = evidence.decode(message.bytes, node.limits);
    const problem = evidence.validate(value, node.limits);
    if (problem !== undefined) return refuse(node, 'implausible_total');
    const base = { evidence: value, revision: message.revision, asOf: message.asOf };
    const adopted = adoptBase(learner.slots, base, message.foreign, node.origin);
    if (adopted === undefined) return;
    learner.slots.baseMs = node.moment.monoMs;
    learner.baseDirty = true;
    for (const slot of adopted.changed) learner.dirty.add(slot.origin);
    if (adopted.claimed.length > 0) link.urgent = true;
    const newer = new Set(message.newer);
    for (const slot of adopted.left) slotLeft(node, learner, slot, newer.has(slot.origin));
    if (adopted.left.some((slot) => slot.origin === node.origin)) rotateIncarnation(node);
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
    refuse(node, 'undecodable_total');
  }
}

/** What left is part of the base from now on: the child that lists it must hear that before it hears of the base. */
function slotLeft(node: NodeState, learner: LearnerState, slot: Slot, newer: boolean): void {
  const { key } = learner.slots;
  learner.dirty.add(slot.origin);
  const child = node.children.get(slot.route);
  if (child !== undefined) nameForeign(child, key, slot.origin, newer || undefined);
  if (slot.route !== '') return;
  node.writes.push(retire(node, key, slot.origin, newer));
}

function takeFeedbackDown(node: NodeState, link: ParentLink, feedback: readonly RoutedFeedback[]): void {
  if (feedback.length === 0) return;
  link.feedbackSeen = true;
  if (!takeRelayed(node, feedback, 'above')) return;
  const { session } = link;
  // Until it is on disk nothing is acknowledged, and the parent sends it again; its decision knows a repetition.
  durable(node).then(
    () => {
      // Another session counts anew: these numbers would mean other items there.
      if (link.session !== session) return;
      for (const { seq } of feedback) link.feedbackAcks.push(seq);
      link.urgent = true;
    },
    () => refuse(node, 'storage_failed'),
  );
}

function forget(node: NodeState, seq: number): void {
  const item = node.outbox.get(seq);
  if (item?.durable !== true) return;
  dropOutbox(node, item);
}

/** Controls first, then the lease that vouches for them: it is valid only once they are on disk. */
async function takeControls(
  node: NodeState,
  link: ParentLink,
  down: DownMessage,
  asked: Sent | undefined,
): Promise<void> {
  const incarnation = link.parentIncarnation;
  if (down.controls !== null) {
    try {
      const mended = (): void => refuse(node, 'generation_set_right');
      const joined = joinControls(node.controls, decodeControls(down.controls, node.limits, { mended }));
      // In one batch with them: who knows a word must be able to prove whose it is, whenever the process ends.
      keepWords(node, down);
      if (joined !== node.controls) {
        recordFromAbove(node, link.parentNode, joined);
        changeControls(node, joined);
        link.urgent = true;
        await durable(node);
      } else if (node.controlsDirty || node.flushing) await durable(node);
    } catch (error) {
      if (error instanceof GanglionError && error.code === 'undecodable')
        refuse(node, 'undecodable_controls');
      return; // a failing disk vouches for nothing
    }
    if (link.parentIncarnation !== incarnation) return;
    link.joined = down.digest;
    link.urgent = true;
  } else if (down.digest === node.durableDigest) {
    keepWords(node, down);
    link.joined = down.digest;
  }
  if (
    down.leaseAgeMs === null ||
    asked === undefined ||
    (link.joined !== down.digest && node.durableDigest !== down.digest)
  )
    return;
  readClocks(node);
  // A clock was set back while the answer was under way: how long that took nobody knows.
  if (asked.monoMs <= node.wallStepMonoMs) return;
  // Counted from the sending of our request: whatever time the answer took is on our side of the bound.
  const monoBase = asked.monoMs - down.leaseAgeMs;
  if (monoBase > node.leaseBaseMonoMs || node.leaseBaseMonoMs === Number.NEGATIVE_INFINITY) {
    node.leaseBaseMonoMs = monoBase;
    node.leaseBaseWallMs = asked.wallMs - down.leaseAgeMs;
  }
}

/** Something happened that the parent should hear of before the next heartbeat. */
export function press(node: NodeState): void {
  if (node.parent !== undefined) node.parent.urgent = true;
  void flush(node);
}
