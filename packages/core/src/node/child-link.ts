import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import { GanglionError } from '../errors.ts';
import { NAME_PATTERN } from '../limits.ts';
import {
  type AskAnswer,
  type BaseMessage,
  type DownMessage,
  HEAVIEST_MAX,
  PROTOCOL,
  type SlotMessage,
  type UpMessage,
} from '../sync/messages.ts';
import {
  type LearnerSlots,
  learnerSlots,
  nodeOf,
  originOf,
  receiveSlot,
  sumBelow,
  sumOf,
  sumOfOthers,
  sumOwn,
  unlist,
} from '../sync/slots.ts';
import { hearApplied } from './acknowledgements.ts';
import { answerAsk } from './answering.ts';
import { ASK_BYTES, ASKS_MAX } from './asking.ts';
import { controlBytes } from './control-room.ts';
import { acceptFromChild, changeControls, mayGrant, noteTold } from './controls.ts';
import { durable } from './durability.ts';
import { forgetForeign, newerOf, turnAway, unname } from './foreign.ts';
import { forgetSilent } from './forgetting.ts';
import { takesBytes, takesLearner, takesOrigin } from './guests.ts';
import { recordFromBelow } from './heard-controls.ts';
import { hearSpecs, hearUnbounded } from './held-leases.ts';
import { takeRelayed } from './intake.ts';
import { jsonSize } from './json-bytes.ts';
import { knowChild } from './known-children.ts';
import type { LearnerState } from './learners-held.ts';
import { isStale, mostOutcomes, SLACK_MS } from './learning.ts';
import { type ChildLink, noteDown, saidAfter } from './links.ts';
import { mixture } from './mixture.ts';
import { dropOutbox, feedbackFor, routeTo } from './outbox.ts';
import { isTheirs, loseTo, parkedOrigins, refusesClosed, retryParked } from './parked.ts';
import { isOut } from './quarantine.ts';
import { currentSeal, ownWords } from './seal.ts';
import { hearShareOf, shareFor } from './shares.ts';
import { type NodeState, readClocks, refuse } from './state.ts';
import { hearTelemetry } from './telemetry.ts';

/** Takes a message from a child. Its bytes are untrusted: what does not fit is refused and counted. */
export function receiveUp(node: NodeState, up: UpMessage, send: (message: DownMessage) => void): void {
  if (node.closed) return;
  if (up.v !== PROTOCOL) return refuse(node, 'protocol_version');
  if (!isWellFormed(up)) return refuse(node, 'malformed_message');
  if (up.node === node.name || node.path.includes(up.node)) return refuse(node, 'name_taken');
  const moment = readClocks(node);
  const link = linkOf(node, up, send);
  if (link === undefined) return; // from a connection that is over
  link.lastHeardMs = moment.monoMs;
  routeTo(node, up.node, link.key);
  if (up.seq <= link.heard) return; // late or repeated: the newer one said it all
  // What is being folded can neither be taken nor refused yet: the message is as good as lost, and comes again.
  if (node.folding.size > 0 && up.slots.some(({ key, origin }) => node.folding.has(`${key}\n${origin}`)))
    return;
  link.heard = up.seq;
  link.digest = up.digest;
  link.joined = up.joined;
  if (up.digest === node.durableDigest || up.joined === node.durableDigest) hearSpecs(node, up.node);
  hearUnbounded(node, up.node, up.unbounded ?? []);
  const session = up.parentIncarnation === node.incarnation && up.session === link.session;
  if (session) hearSession(node, link, up);
  if (up.controls !== null) {
    link.handed = up.joined;
    takeControls(node, link, up);
  }
  noteTold(node, link);
  hearApplied(node, up.applied, link);
  hearTelemetry(node, up.telemetry, link);
  hearAsks(node, link, up.asks);
  const room = !session || takeRelayed(node, up.feedback, 'below', link.node);
  link.urgent = true;
  if (up.content && session) {
    link.content = up.seq;
  }
  if (up.content && session && room) {
    // Even a repetition waits for the disk: the first copy may still be on its way there.
    durable(node).then(
      () => {
        link.ack = Math.max(link.ack, up.seq);
        answer(node, link);
      },
      () => refuse(node, 'storage_failed'),
    );
  }
  answer(node, link);
}

const isWellFormed = ({ node, incarnation, seq, connection }: UpMessage): boolean =>
  NAME_PATTERN.test(node) &&
  /^[a-z0-9]{1,32}$/.test(incarnation) &&
  Number.isSafeInteger(seq) &&
  Number.isSafeInteger(connection);

/** What has its meaning in this exchange alone: what it says it has of ours, and what it lists. */
function hearSession(node: NodeState, link: ChildLink, up: UpMessage): void {
  for (const seq of up.feedbackAcks) drop(node, link, seq);
  hearShareOf(link, up);
  const saidMs = saidAfter(link, up.heardDown);
  for (const slot of up.slots) takeSlot(node, link, slot, up.seq, saidMs);
  if (up.complete && link.completeAt === 0) completed(node, link, up.seq);
  for (const [key, held] of up.learners) {
    if (!node.learners.has(key)) continue; // said again in every message: heard once there is one
    const base = link.bases.get(key);
    if (base === undefined)
      link.bases.set(key, {
        revision: -1,
        slotsRevision: -1,
        asOf: 0,
        sentMs: Number.NEGATIVE_INFINITY,
        heldRevision: held,
        foreign: [],
      });
    else base.heldRevision = held;
  }
  forgetForeign(link);
}

/** What has come to us through this process. */
function heldOf(node: NodeState, child: string): Map<string, Set<string>> {
  const held = new Map<string, Set<string>>();
  for (const [key, { slots }] of node.learners) {
    const group = slots.groups.get(child);
    if (group !== undefined) held.set(key, new Set(group.origins));
  }
  return held;
}

/**
 * All that it holds is listed. What it once held and does not list has left it for the totals while it was elsewhere: it
 * would be nowhere if it were left out of its total.
 */
function completed(node: NodeState, link: ChildLink, seq: number): void {
  link.completeAt = seq;
  for (const [key, origins] of link.unlisted) {
    const learner = node.learners.get(key);
    for (const origin of origins) {
      const slot = learner?.slots.slots.get(origin);
      if (learner === undefined || slot?.route !== link.key) continue;
      unlist(learner.slots, slot);
      learner.dirty.add(origin);
    }
  }
  link.unlisted.clear();
}

/** What can be answered at once goes with the next message; the rest follows when those above have spoken. */
function hearAsks(node: NodeState, link: ChildLink, asks: UpMessage['asks']): void {
  let now = true;
  if (asks.length > ASKS_MAX) refuse(node, 'too_many_asks', asks.length - ASKS_MAX);
  const reply = (said: AskAnswer): void => {
    if (link.answers.length >= ASKS_MAX) link.answers.shift();
    link.answers.push(said);
    if (!now && !node.closed && node.children.get(link.key) === link) answer(node, link);
  };
  for (const ask of asks.slice(0, ASKS_MAX)) {
    if (jsonSize(ask, ASK_BYTES) <= ASK_BYTES) answerAsk(node, ask, link.node, reply);
    else {
      refuse(node, 'ask_too_large');
      reply({ id: ask.id, p: null, confidence: null });
    }
  }
  now = false;
}

function linkOf(node: NodeState, up: UpMessage, send: (message: DownMessage) => void): ChildLink | undefined {
  const key = originOf(up.node, up.incarnation);
  let link = node.children.get(key);
  if (link !== undefined && up.connection < link.connection) return undefined;
  if (link === undefined && node.children.size >= node.limits.origins) {
    refuse(node, 'too_many_children');
    return undefined;
  }
  if (link === undefined || up.connection > link.connection) {
    link = {
      key,
      node: up.node,
      session: 1 + (node.ports.chance.uint32() % 0x7fffffff),
      connection: up.connection,
      sentDown: 0,
      downs: [],
      grants: [],
      send,
      heard: 0,
      content: 0,
      ack: 0,
      completeAt: 0,
      digest: '',
      joined: '',
      handed: '',
      bases: new Map(),
      listed: new Map(),
      unlisted: heldOf(node, key),
      foreign: new Map(),
      newer: new Set(),
      answers: [],
      parked: new Map(),
      parkedMs: node.moment.monoMs,
      share: 0,
      lastHeardMs: node.moment.monoMs,
      lastSentMs: Number.NEGATIVE_INFINITY,
      urgent: true,
    };
    // What its process before this one held is durable there, and this one has yet to say how much.
    link.share = node.granted.get(up.node) ?? 0;
    node.children.set(key, link);
    node.holders.set(up.node, key);
    knowChild(node, up.node);
  }
  link.send = send;
  return link;
}

/** Returns whether there is something to write. `saidMs`: when it was said, at the earliest, monotonic ms. */
function takeSlot(
  node: NodeState,
  link: ChildLink,
  message: SlotMessage,
  seq: number,
  saidMs: number,
): boolean {
  if (
    typeof message.key !== 'string' ||
    message.key.length > 512 ||
    !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}~[a-z0-9]{1,32}$/.test(message.origin) ||
    !Number.isSafeInteger(message.version) ||
    message.version < 1
  ) {
    refuse(node, 'malformed_slot');
    return false;
  }
  if (isStale(node, message.key)) {
    refuse(node, 'evidence_before_reset');
    return false;
  }
  const learner = learnerFor(node, message.key, link);
  if (learner === undefined) return false;
  // Only now: what is kept of a link is bounded by the learners that there are.
  link.listed.set(message.key, seq);
  link.unlisted.get(message.key)?.delete(message.origin);
  if (refusesClosed(node, link, message) || !isTheirs(node, link, message)) return false;
  const decoded = decodeSlotEvidence(node, learner, message, link);
  if (decoded === 'refused') return false;
  const at = {
    selfOrigin: node.origin,
    isRoot: node.isRoot,
    quarantined: isOut(node, {
      node: nodeOf(message.origin),
      route: link.key,
      out: message.out === true,
    }),
    nowMs: node.moment.treeMs,
  };
  // What it was told has left for the totals is in them, wherever the child thinks it has been. And a word that was long on
  // its way is true of then: it may have moved meanwhile, and be in a base that has come since.
  const isForeign = link.foreign.get(message.key)?.has(message.origin) === true;
  const onlyVia = isForeign || saidMs < learner.slots.baseMs ? '' : message.onlyVia;
  const { result, previous } = receiveSlot(
    learner.slots,
    { ...message, onlyVia, evidence: decoded },
    link.key,
    at,
  );
  if (result === 'older') {
    turnAway(node, link, message.key, message.origin, true);
    return false;
  }
  unname(link, message.key, message.origin);
  if (result === 'known') return false;
  if (previous !== '') {
    const loser = node.children.get(previous);
    if (loser !== undefined) loseTo(loser, message);
  }
  learner.dirty.add(message.origin);
  if (node.parent !== undefined) node.parent.urgent = true;
  return true;
}

/** Slots of learners that this node does not know are kept and passed on as bytes. */
function learnerFor(node: NodeState, key: string, link: ChildLink): LearnerState | undefined {
  const known = node.learners.get(key);
  if (known !== undefined || !takesLearner(node, link)) return known;
  const learner: LearnerState = {
    slots: learnerSlots(key, undefined),
    others: mixture(undefined),
    dirty: new Set(),
    baseDirty: false,
    guest: link.node,
  };
  node.learners.set(key, learner);
  return learner;
}

function decodeSlotEvidence(
  node: NodeState,
  learner: LearnerState,
  message: SlotMessage,
  link: ChildLink,
): unknown {
  if (message.bytes.length > node.limits.evidenceBytes) {
    refuse(node, 'evidence_too_large');
    return 'refused';
  }
  const known = learner.slots.slots.get(message.origin);
  if (known === undefined && !takesOrigin(node, learner, link)) return 'refused';
  const { evidence } = learner.slots;
  if (evidence === undefined) return takesBytes(node, link, message.bytes.length) ? undefined : 'refused';
  const heardMs = known?.heardMs ?? node.moment.treeMs;
  // Of evidence that is older than this word, nothing was thinned; more than can be is no word.
  const heaviest = Math.min(HEAVIEST_MAX, message.heaviest ?? 1);
  try {
    const value = evidence.decode(message.bytes, node.limits);
    if (
      evidence.validate(value, node.limits) !== undefined ||
      evidence.outcomes(value) > mostOutcomes(node, message.origin, heardMs)
    ) {
      refuse(node, 'implausible_evidence');
      return 'refused';
    }
    if (evidence.inFuture?.(value, node.moment.treeMs, SLACK_MS, heaviest) !== undefined) {
      refuse(node, 'evidence_from_future');
      return 'refused';
    }
    return value;
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
    refuse(node, 'undecodable_evidence');
    return 'refused';
  }
}

function takeControls(node: NodeState, link: ChildLink, up: UpMessage): boolean {
  try {
    const own = up.words === null || up.words === undefined ? undefined : ownWords(node, up.words);
    const mended = (): void => refuse(node, 'generation_set_right');
    const theirs = decodeControls(up.controls, node.limits, { mended });
    const joined = acceptFromChild(node, link.node, theirs, own);
    if (joined === node.controls) return false;
    recordFromBelow(node, link.node, joined);
    changeControls(node, joined);
    return true;
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
    refuse(node, 'undecodable_controls');
    return false;
  }
}

function drop(node: NodeState, link: ChildLink, seq: number): void {
  const item = node.outbox.get(seq);
  // Nobody acknowledges what went to another.
  if (item?.durable !== true || nodeOf(item.sentOn) !== link.node) return;
  dropOutbox(node, item);
}

/** Sends to every child what is due for it. */
export function pumpChildren(node: NodeState): void {
  forgetSilent(node);
  for (const link of node.children.values()) {
    retryParked(node, link, (slot, seq) => takeSlot(node, link, slot, seq, Number.NEGATIVE_INFINITY));
    if (link.urgent || hasNews(node, link)) answer(node, link);
  }
}

function hasNews(node: NodeState, link: ChildLink): boolean {
  if (node.moment.monoMs - link.lastSentMs < 1) return false;
  if (link.digest !== node.durableDigest && link.joined !== node.durableDigest)
    return node.moment.monoMs - link.lastSentMs >= 50;
  return false;
}

function answer(node: NodeState, link: ChildLink): void {
  const { moment } = node;
  link.urgent = false;
  link.lastSentMs = moment.monoMs;
  const needsControls = link.digest !== node.durableDigest && link.joined !== node.durableDigest;
  // Large controls go alone: with all else, a message could be longer than a link takes.
  const alone = needsControls && controlBytes(node, node.durableControls) > node.limits.messageBytes / 4;
  const answers = alone ? [] : link.answers.splice(0);
  const seq = ++link.sentDown;
  noteDown(link, seq, moment.monoMs);
  link.send({
    v: PROTOCOL,
    node: node.name,
    incarnation: node.incarnation,
    session: link.session,
    seq,
    ack: link.ack,
    heard: link.heard,
    // One that has just started on an empty disk does not know its place, and must not take it from those below.
    path: node.isRoot || node.path.length > 1 ? node.path : [],
    leaseAgeMs: mayGrant(node, link) ? moment.leaseAgeMs : null,
    treeMs: moment.treeMs,
    digest: node.durableDigest,
    controls: needsControls ? encodeControls(node.durableControls) : null,
    seal: currentSeal(node),
    share: shareFor(node, link, seq),
    bases: alone ? [] : basesFor(node, link),
    feedback: alone ? [] : feedbackFor(node, link),
    answers,
  });
}

/** A quarter of what a receiver takes in one message (16 MiB). */
const BASE_BYTES_A_MESSAGE = 4 << 20;

/** The totals that are due for this child: everybody but those who reach us through it. */
function basesFor(node: NodeState, link: ChildLink): BaseMessage[] {
  const out: BaseMessage[] = [];
  if (link.completeAt === 0) return out;
  let bytes = 0;
  for (const [key, sent] of link.bases) {
    if (bytes >= BASE_BYTES_A_MESSAGE) break; // the others are still due
    const learner = node.learners.get(key);
    const slots = learner?.slots;
    if (slots?.evidence === undefined) continue;
    const lost =
      sent.heldRevision < sent.revision && node.moment.monoMs - sent.sentMs >= node.tuning.resendMs;
    if (
      !lost &&
      ((sent.slotsRevision === slots.revision && (link.listed.get(key) ?? 0) <= sent.asOf) ||
        node.moment.monoMs - sent.sentMs < node.tuning.totalEveryMs)
    )
      continue;
    // A slot that does not count yet may be part of our own base, and would come back to its origin through us.
    if ((slots.groups.get(link.key)?.uncounted ?? 0) > 0) continue;
    sent.revision++;
    sent.slotsRevision = slots.revision;
    sent.asOf = link.content;
    sent.sentMs = node.moment.monoMs;
    sent.foreign = [...(link.foreign.get(key) ?? [])];
    const total = slots.evidence.encode(totalFor(node, slots, link));
    bytes += total.length;
    out.push({
      key,
      revision: sent.revision,
      asOf: link.content,
      bytes: total,
      foreign: sent.foreign,
      ...newerOf(link, key, sent.foreign),
    });
  }
  return out;
}

function totalFor(node: NodeState, slots: LearnerSlots, link: ChildLink): unknown {
  const evidence = slots.evidence!;
  const own = sumOwn(slots, (slot) =>
    slot.bytes === undefined
      ? undefined
      : slot.version === slot.durableVersion
        ? slot.evidence
        : evidence.decode(slot.bytes, node.limits),
  );
  let below: unknown;
  const parked = parkedOrigins(link, slots.key);
  // What it lists of a node that is elsewhere counts at its end: in what it gets it must not be, too.
  if (parked.size > 0) below = sumOfOthers(slots, link.key, parked);
  else if (evidence.subtract !== undefined)
    below = evidence.subtract(sumBelow(slots), sumOf(slots, link.key));
  else {
    below = evidence.zero();
    for (const child of slots.groups.keys())
      if (child !== link.key) below = evidence.add(below, sumOf(slots, child));
  }
  const inside = evidence.add(own, below);
  return slots.base === undefined ? inside : evidence.add(slots.base.evidence, inside);
}
