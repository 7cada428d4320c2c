import type { Ask, AskAnswer, DownMessage, SlotMessage, UpMessage } from '../sync/messages.ts';
import type { Slot } from '../sync/slots.ts';
import type { KnownChild } from './known-children.ts';
import type { ChildTelemetry, TelemetryState } from './telemetry-room.ts';

/** The parent's end of the link to one process of a child. */
export interface ChildLink {
  /** The child's origin: node and incarnation. */
  readonly key: string;
  readonly node: string;
  /** Names this exchange. One that was forgotten and comes back begins another, and lists everything anew. */
  readonly session: number;
  /** The child's number for its connection. */
  readonly connection: number;
  /** Messages sent down in this session. */
  sentDown: number;
  /** When, monotonic ms: the newest that the child has heard, and those after it. */
  readonly downs: { readonly seq: number; readonly atMs: number }[];
  /** Shares that may be under way: those granted in messages after the newest that the child has heard. */
  grants: { readonly seq: number; readonly share: number }[];
  send: (message: DownMessage) => void;
  /** The newest message heard; the newest with content that was processed; the newest whose content is durable. */
  heard: number;
  content: number;
  ack: number;
  /** Everything it holds has been listed, as of this message; 0: not yet. */
  completeAt: number;
  digest: string;
  joined: string;
  /** What it had joined of ours when it last handed us its own controls. */
  handed: string;
  /** Revision of the last base sent, and when, by learner. */
  readonly bases: Map<string, SentBase>;
  /** The message in which it last listed something of a learner. */
  readonly listed: Map<string, number>;
  /** What came through it before this exchange, and has not been listed in it so far, by learner. */
  readonly unlisted: Map<string, Set<string>>;
  /** Origins it lists that reach its base by another way, by learner. */
  readonly foreign: Map<string, Set<string>>;
  /** Of these, `learner\norigin` of which more is known here than it lists. */
  readonly newer: Set<string>;
  readonly answers: AskAnswer[];
  /** Slots that it lists of nodes which are somewhere else, as far as we know. */
  readonly parked: Map<string, Parked>;
  parkedMs: number;
  share: number;
  lastHeardMs: number;
  lastSentMs: number;
  urgent: boolean;
}

/** What a child was last told of one learner. */
export interface SentBase {
  /** Counts the bases sent, so that the child can say which it holds. */
  revision: number;
  /** Revision of the slots it was made of. */
  slotsRevision: number;
  /** The newest message from the child that it reckons with. */
  asOf: number;
  sentMs: number;
  /** What the child says it holds. */
  heldRevision: number;
  /** Origins named as foreign in it. */
  foreign: readonly string[];
}

/** A slot that a child lists of a node which is another's as far as we know, as last listed. */
export interface Parked {
  readonly message: SlotMessage;
  /** The message that listed it. */
  readonly seq: number;
}

/** The child's end of the link to its parent. All state of the exchange; no I/O. */
export interface ParentLink {
  readonly send: (message: UpMessage) => void;
  readonly connection: number;
  parentIncarnation: string;
  parentNode: string;
  session: number;
  seq: number;
  /** The last message sent before this exchange began: whoever else answers up to it did so earlier, and is late. */
  joinedSeq: number;
  /** The last message under an earlier incarnation of this process: answers to it are to nobody. */
  formerSeq: number;
  /** Messages sent and not yet heard, by number. */
  readonly sent: Map<number, Sent>;
  /** The newest with content that awaits its acknowledgement; 0: none. */
  dataSeq: number;
  dataSentMs: number;
  lastSentMs: number;
  lastHeardMs: number;
  /** Parent's digest last joined into our durable controls. */
  joined: string;
  /** Digest pair for which our controls were last handed up, in which message, when, and whether that was heard. */
  handed: string;
  handedSeq: number;
  handedMs: number;
  handedHeard: boolean;
  rttMs: number;
  urgent: boolean;
  telemetryMs: number;
  /** Feedback from above that is durable here and not yet acknowledged, by the parent's numbers. */
  feedbackAcks: number[];
  feedbackSeen: boolean;
  newestDown: number;
  readonly appliedSent: Map<string, string>;
  /** Where in what is due the next message goes on. */
  appliedAt: number;
  /** The same of learners. */
  learnersAt: number;
  askId: number;
  readonly asks: Map<number, OpenAsk>;
  /** How many of them each child has asked; '' for this node itself. */
  readonly asksOf: Map<string, number>;
}

/** A message to the parent, until it is heard. */
export interface Sent {
  readonly monoMs: number;
  readonly wallMs: number;
  readonly slots: readonly { readonly slot: Slot; readonly version: number; readonly out: boolean }[];
  readonly feedback: readonly number[];
  readonly applied: readonly (readonly [string, string])[];
}

/** A question to the parent that is under way. */
export interface OpenAsk {
  readonly ask: Ask;
  sent: boolean;
  /** When nobody waits for the answer any more, monotonic ms. */
  readonly endMs: number;
  /** Once: the answer, or undefined where none came in time. */
  resolve(answer: AskAnswer | undefined): void;
}

/** A link on which nothing has been said. */
export function parentLink(send: (message: UpMessage) => void, connection: number): ParentLink {
  return {
    send,
    connection,
    parentIncarnation: '',
    parentNode: '',
    session: 0,
    seq: 0,
    joinedSeq: 0,
    formerSeq: 0,
    sent: new Map(),
    dataSeq: 0,
    dataSentMs: 0,
    lastSentMs: Number.NEGATIVE_INFINITY,
    lastHeardMs: Number.NEGATIVE_INFINITY,
    joined: '',
    handed: '',
    handedSeq: 0,
    handedMs: 0,
    handedHeard: false,
    rttMs: Number.POSITIVE_INFINITY,
    urgent: true,
    telemetryMs: Number.NEGATIVE_INFINITY,
    feedbackAcks: [],
    feedbackSeen: false,
    newestDown: 0,
    appliedSent: new Map(),
    appliedAt: 0,
    learnersAt: 0,
    askId: 0,
    asks: new Map(),
    asksOf: new Map(),
  };
}

/** A node's place in the tree: who is above it, who is below, and what those have told. */
export interface LinksHeld {
  /** Children ever heard of, on disk: a restarted root waits for their controls. */
  readonly knownChildren: Map<string, KnownChild>;
  /** When absent children were last looked for. */
  childrenMs: number;
  /** Children that a restarted root has yet to hear out, as of these controls. */
  awaited: { readonly digest: string; readonly names: Set<string> } | undefined;
  parent: ParentLink | undefined;
  /** Connections upward that this process has made. */
  connections: number;
  readonly children: Map<string, ChildLink>;
  /** Nodes below: by which child they are reached. */
  readonly routes: Map<string, string>;
  readonly below: Map<string, TelemetryState>;
  /** Of these, what each child told, and all of it in bytes. */
  readonly telemetryOf: Map<string, ChildTelemetry>;
  telemetryBytes: number;
  /** The own report that goes up next, where there is not room for all at once. */
  reportAt: number;
}

/** Nobody has been heard of. */
export const noLinks = (monoMs: number): LinksHeld => ({
  knownChildren: new Map(),
  childrenMs: monoMs,
  awaited: undefined,
  parent: undefined,
  connections: 0,
  children: new Map(),
  routes: new Map(),
  below: new Map(),
  telemetryOf: new Map(),
  telemetryBytes: 0,
  reportAt: 0,
});

/** Far more than are on their way to a child that answers. */
const DOWNS_MAX = 64;

/** A message goes down. */
export function noteDown({ downs }: ChildLink, seq: number, atMs: number): void {
  downs.push({ seq, atMs });
  if (downs.length > DOWNS_MAX) downs.shift();
}

/** When this message was written, at the earliest: its child had heard `heardDown` by then. −Infinity: not known. */
export function saidAfter({ downs }: ChildLink, heardDown: number): number {
  while (downs.length > 0 && downs[0].seq < heardDown) downs.shift();
  return downs[0]?.seq === heardDown ? downs[0].atMs : Number.NEGATIVE_INFINITY;
}
