import type { MergedReport } from '../select/merge.ts';
import type {
  AuditEntry,
  ControlsStatus,
  Decision,
  HistoryAnswer,
  JsonValue,
  NodeEvent,
  NodeStatus,
  PointEntry,
  PointMode,
  PointReport,
  ReportAnswer,
} from '../wire.ts';

/** Most decisions the page keeps for a closer look. */
export const DECISIONS_KEPT = 600;
/** Most samples of a point's history: 15 minutes at one a second. */
export const SAMPLES_KEPT = 900;
/** Most audit entries kept. */
export const AUDIT_KEPT = 500;

/** When something happened: `nowMs` never goes back (page clock), `wallMs` is for showing. */
export interface Instant {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** A value and when this page heard it, so that its age can always be shown. */
export interface Heard<T> {
  readonly value: T;
  readonly heardMs: number;
}

/** How the page stands with the node that serves it. */
export interface Connection {
  readonly state: 'connecting' | 'live' | 'lost' | 'unauthorized';
  /** One sentence for a person; '' while live. */
  readonly why: string;
  /** Last byte from the node, page clock; null before the first. */
  readonly lastHeardMs: number | null;
  /** Since when it is lost, page clock; null otherwise. */
  readonly lostMs: number | null;
}

/** What came back for a decision. */
export interface SeenOutcome {
  readonly reward: number | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A decision as the stream showed it, with its outcome once that came. */
export interface SeenDecision {
  readonly node: string;
  readonly decision: Decision;
  readonly unit: string | null;
  readonly context: Readonly<Record<string, JsonValue>> | null;
  readonly outcome: SeenOutcome | null;
}

/** One point's counters at one moment. */
export interface Sample {
  readonly wallMs: number;
  readonly mode: PointMode;
  readonly rate: number;
  /** Decisions so far, by arm. */
  readonly decisions: Readonly<Record<string, number>>;
  /** What a treated unit would get, by arm; null for policies without a fixed allocation. */
  readonly allocation: Readonly<Record<string, number | null>>;
  /** Mean losses of the last outcomes, null where not known yet, and whether a learner was frozen; of validated points. */
  readonly loss?:
    | { readonly learner: number | null; readonly reference: number | null; readonly frozen: boolean }
    | undefined;
}

/** How the comparisons of one experiment stood at one moment. */
export interface TrackSample {
  readonly wallMs: number;
  /** Decisions that counted, over all variants. */
  readonly counted: number;
  /** By metric, and within it by variant as reported: mean, low and high of the difference; null where there is none. */
  readonly metrics: Readonly<
    Record<string, readonly (readonly [number, number | null, number | null] | null)[]>
  >;
}

/** A point as each node sees it, and put together. */
export interface PointReports {
  /** The node that answers this page; its word on mode and versions counts. */
  readonly answering: string;
  /** Whether the answering node puts the reports together itself; else the page does. */
  readonly given: boolean;
  readonly merged: Heard<MergedReport>;
  readonly nodes: Readonly<Record<string, Heard<PointReport>>>;
}

/** Everything the page knows. Plain, immutable data: changed by `reduce` alone. */
export interface State {
  readonly connection: Connection;
  /** Whether the first complete answer has come. */
  readonly ready: boolean;
  readonly nodes: readonly Heard<NodeStatus>[];
  readonly points: readonly PointEntry[];
  readonly reports: Readonly<Record<string, PointReports>>;
  /** By `historyKey`. */
  readonly history: Readonly<Record<string, readonly Sample[]>>;
  /** By `trackKey`: how the intervals of experiments went. */
  readonly tracks: Readonly<Record<string, readonly TrackSample[]>>;
  readonly controls: Heard<ControlsStatus> | null;
  /** Newest first. */
  readonly audit: readonly AuditEntry[];
  /** Newest first. */
  readonly decisions: readonly SeenDecision[];
  /** Decisions seen in the stream since the page was opened (the stream is a sample). */
  readonly decisionsSeen: number;
}

/** What can change the state: the node's events, whole answers, and the connection itself. */
export type Message =
  | NodeEvent
  | { readonly kind: 'nodes'; readonly nodes: readonly NodeStatus[] }
  | { readonly kind: 'points'; readonly points: readonly PointEntry[] }
  | { readonly kind: 'answer'; readonly answer: ReportAnswer }
  | { readonly kind: 'history'; readonly answer: HistoryAnswer }
  | { readonly kind: 'controls-answer'; readonly controls: ControlsStatus }
  | { readonly kind: 'audit-answer'; readonly entries: readonly AuditEntry[] }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'heard' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'unauthorized'; readonly why: string };

/** Where a point's samples are kept: its own for the merged view, another for each node. */
export function historyKey(point: string, node: string | null): string {
  return node === null ? point : `${point}@${node}`;
}

/** The page before it has heard anything. */
export const INITIAL: State = {
  connection: { state: 'connecting', why: '', lastHeardMs: null, lostMs: null },
  ready: false,
  nodes: [],
  points: [],
  reports: {},
  history: {},
  tracks: {},
  controls: null,
  audit: [],
  decisions: [],
  decisionsSeen: 0,
};
