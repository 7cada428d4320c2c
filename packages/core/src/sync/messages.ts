import type { ControlsJson } from '../controls/control-codec.ts';
import type { FeedbackItem } from '../node-api.ts';
import type { NodeStatus, PointReport } from '../status.ts';

/** The version of this protocol. A node that hears another major version refuses the link and says so. */
export const PROTOCOL = 1;

/** A slot on its way up. */
export interface SlotMessage {
  readonly key: string;
  readonly origin: string;
  readonly version: number;
  readonly onlyVia: string;
  readonly bytes: Uint8Array;
  /** It came through a quarantined child: it counts nowhere. Default: false. */
  readonly out?: boolean | undefined;
  /** The largest sampling weight among its outcomes, in [1, 2²⁰]. Default: 1. */
  readonly heaviest?: number | undefined;
}

/** Decisions that await their outcome are thinned by at most this. */
export const HEAVIEST_MAX = 1 << 20;

/** Everybody outside the child's subtree, for one learner. */
export interface BaseMessage {
  readonly key: string;
  readonly revision: number;
  readonly asOf: number;
  readonly bytes: Uint8Array;
  /** Origins the child lists that are in this base. */
  readonly foreign: readonly string[];
  /** Of these, those that the sender knows in a newer version than the child lists: its disk is an older image. */
  readonly newer?: readonly string[];
}

/** Feedback on its way to the decision's origin. `seq` is the sender's, for this link. */
export interface RoutedFeedback {
  readonly seq: number;
  readonly item: FeedbackItem;
}

/** Which standing kills a node has durably applied. */
export interface Applied {
  readonly node: string;
  readonly tags: readonly string[];
}

/** A point as an older declaration has it, under which it goes on without a lease. `*`: any. */
export interface Unbounded {
  readonly point: string;
  readonly domain: string;
}

/** What a node tells its parent of itself and, relayed, of those below. */
export interface Telemetry {
  readonly status: NodeStatus;
  readonly reports: readonly PointReport[];
  /** Path from the telling node up to (without) the receiver's child: how it is reached. */
  readonly via: string;
}

/** Child to parent. Each is also a request for a lease, counted from its sending. */
export interface UpMessage {
  readonly v: number;
  readonly node: string;
  readonly incarnation: string;
  readonly tier: string;
  /** The parent's incarnation that this continues; '' at first. Another one means: everything is listed anew. */
  readonly parentIncarnation: string;
  /** Counts the connections of this process: one that is made anew lists everything anew, and what an older one sent is late. */
  readonly connection: number;
  /** The parent's name for this exchange; 0 at first. A parent that has forgotten the child begins another. */
  readonly session: number;
  readonly seq: number;
  /** The newest Down of this session that was heard. */
  readonly heardDown: number;
  /** Carries something to acknowledge: at most one such message is under way at a time. */
  readonly content: boolean;
  /** All slots held have been listed under this session up to this message. */
  readonly complete: boolean;
  readonly slots: readonly SlotMessage[];
  /** Learners this node reads, with the revision of the base it holds. */
  readonly learners: readonly (readonly [key: string, baseRevision: number])[];
  /** Digest of the controls that are durable here, and the parent's digest that was last joined into them. */
  readonly digest: string;
  readonly joined: string;
  readonly controls: ControlsJson | null;
  /** The parent's own words under its seal, where it has forgotten some of them. */
  readonly words?: { readonly controls: ControlsJson; readonly seal: string } | null | undefined;
  readonly applied: readonly Applied[];
  /** Points of which nodes below may hold an older declaration, without a bound. Default: none. */
  readonly unbounded?: readonly Unbounded[] | undefined;
  readonly feedback: readonly RoutedFeedback[];
  /** Feedback from the parent that is durable here, by the parent's numbers. */
  readonly feedbackAcks: readonly number[];
  readonly telemetry: readonly Telemetry[];
  /** Share of tree-wide limits this node holds: what the parent may reckon as outstanding. */
  readonly share: number;
  readonly asks: readonly Ask[];
}

/** Parent to child: the answer to an Up, or a push when something cannot wait. */
export interface DownMessage {
  readonly v: number;
  readonly node: string;
  readonly incarnation: string;
  readonly session: number;
  /** Counts the messages of this session. */
  readonly seq: number;
  /** The newest Up with content that is durable here: that very one, not those before it. */
  readonly ack: number;
  /** The newest Up heard: lease and round trip count from its sending. */
  readonly heard: number;
  /** This node and its ancestors, root last. */
  readonly path: readonly string[];
  /** Time since the root was known to agree, ms, or null: no lease from here. */
  readonly leaseAgeMs: number | null;
  /** Tree time at sending, ms. */
  readonly treeMs: number;
  readonly digest: string;
  readonly controls: ControlsJson | null;
  /** The sender's seal over the controls of this digest: to be handed back should it forget them. */
  readonly seal?: string | undefined;
  readonly share: number;
  readonly bases: readonly BaseMessage[];
  readonly feedback: readonly RoutedFeedback[];
  readonly answers: readonly AskAnswer[];
}

/** An escalation: what would you do here? */
export interface Ask {
  readonly id: number;
  readonly point: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly unit: string;
  readonly allowed: readonly string[];
  /** What the one who is asked may spend on it, ms: the way there and back is taken off already. */
  readonly budgetMs: number;
}

export interface AskAnswer {
  readonly id: number;
  /** Probability by arm, or null: the parent cannot say. */
  readonly p: Readonly<Record<string, number>> | null;
  readonly confidence: number | null;
}
