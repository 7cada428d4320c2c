/**
 * What goes over the wire (DESIGN §7), as types: the daemon answers with these and the client reads them.
 * Everything the runtime itself names is taken from core; only what HTTP adds is declared here.
 */
import type {
  ArmReport,
  DecideInput,
  Decision,
  ErrorCode,
  FeedbackItem,
  ModelChange,
  ModelStatus,
  NodeStatus,
  PointReport,
  PointSpec,
} from '@ganglion/core';
import type { EstimatorName, Evaluation, IntervalKind } from '@ganglion/core/ope';

export type {
  Acknowledgement,
  Actor,
  ArmReport,
  AuditEntry,
  ControlsStatus,
  DecideInput,
  Decision,
  EntityView,
  ErrorCode,
  Estimate,
  ExperimentReport,
  FeedbackItem,
  FeedbackResult,
  GuardReport,
  IngestEvent,
  JsonValue,
  KillStatus,
  LeaseStatus,
  LiftReport,
  ModelStatus,
  ModelVersion,
  NodeEvent,
  NodeStatus,
  OverrideStatus,
  PointMode,
  PointReport,
  PointSpec,
  Problem,
  Quantiles,
  Reason,
  Tier,
  TrailEntry,
} from '@ganglion/core';

/** Refusals that only HTTP knows; all others carry the code of the `GanglionError` behind them. */
export type HttpCode =
  | 'not_found' // no such route
  | 'method_not_allowed'
  | 'too_large'
  | 'unsupported_media_type'
  | 'rate_limited'
  | 'request_timeout'
  | 'headers_too_large'
  | 'malformed_request' // not HTTP
  | 'internal'; // a fault of ours; the log has it

/** RFC 9457, with what a person needs to put it right. Sent as `application/problem+json`. */
export interface ProblemDocument {
  /** A URI reference that names the kind of problem: `urn:ganglion:problem:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode | HttpCode;
  /** Path of what was wrong, such as `guards[1].openFor` or `[17].metrics.latencyMs`. */
  readonly field?: string;
  /** The refused value, cut to 80 characters. */
  readonly value?: string;
  /** One sentence: what to do about it. */
  readonly mend?: string;
  /** Where a whole list was refused: each item's problem, the first hundred of them. */
  readonly rejected?: readonly RejectedItem[];
}

/** `POST /v1/points/{point}/decide`: this, or a list of it. */
export interface DecideRequest extends DecideInput {
  /** With a deadline the decision may escalate to the parent; 1 to 60,000 ms. */
  readonly deadlineMs?: number | undefined;
}

/** `PUT /v1/points/{point}` */
export interface ApplyAnswer {
  readonly point: string;
  readonly version: number;
  /** False where the same declaration stood already. */
  readonly changed: boolean;
}

/** `POST /v1/points/{point}/weights` */
export interface ReweighAnswer extends ApplyAnswer {
  /** What was learned rests on the old weights, and begins anew: the metrics are declared without a range. */
  readonly forgets: boolean;
}

/** `POST /v1/points/{point}/evaluate`: what another policy would have brought. */
export interface EvaluateRequest {
  /** `{ policy: … }` or a whole point; a text is YAML, or JSON. */
  readonly candidate: object | string;
  /** What the answer calls it; default `candidate`. */
  readonly name?: string | undefined;
  /** The newest so many decisions, 100 to 1,000,000; default 50,000. */
  readonly rows?: number | undefined;
  /** From this time on, ms since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Default: all that there are. */
  readonly estimators?: readonly EstimatorName[] | undefined;
  /** Share of intervals that hold the truth; default 0.95. */
  readonly level?: number | undefined;
  /** Default `bca`. */
  readonly interval?: IntervalKind | undefined;
  /** Of the bootstrap, 100 to 10,000; default 500. */
  readonly resamples?: number | undefined;
  /** The same seed, the same answer; default 1. */
  readonly seed?: number | undefined;
  /** Of the reward model, and of a policy that learns, 2 to 20; default 5. */
  readonly folds?: number | undefined;
  /** Larger weights count as this. */
  readonly clip?: number | undefined;
  /** Refused below this many effective decisions; default 100. */
  readonly minEffective?: number | undefined;
  /** Range of a reward; default: as declared. */
  readonly range?: readonly [number, number] | undefined;
}

/** The log that was asked, then each candidate; a refusal has no estimates, and says why. */
export interface EvaluateAnswer {
  readonly point: string;
  /** Whose logs were read: of nodes in the answering process. */
  readonly nodes: readonly string[];
  readonly log: {
    readonly name: string;
    readonly rows: number;
    readonly arms: number;
    /** Rows left out, by reason. */
    readonly skipped: Readonly<Record<string, number>>;
    /** What the log itself brought; null without rows. */
    readonly value: Evaluation['logged'];
    /** The first and the last decision, ms since the epoch. */
    readonly fromMs: number | null;
    readonly toMs: number | null;
    /** Older decisions that `rows` left out. */
    readonly older: number;
  };
  readonly level: number;
  readonly seed: number;
  readonly candidates: readonly EvaluatedCandidate[];
}

export interface EvaluatedCandidate extends Evaluation {
  readonly candidate: string;
  /** How it came to know what it knows, for people. */
  readonly how: string;
  /** How its weights are spread: rows of weight 0, and those in bins that double. */
  readonly weights: {
    readonly zero: number;
    readonly bins: readonly { readonly from: number; readonly to: number; readonly rows: number }[];
  };
  /** Categories of the log that the candidate does not declare: at most ten a field, and the share of decisions that have any. */
  readonly unseen?:
    | readonly { readonly field: string; readonly values: readonly string[]; readonly share: number }[]
    | undefined;
}

/** One element of `GET /v1/points`; `GET /v1/points/{point}` answers one. */
export interface PointEntry {
  readonly spec: PointSpec;
  readonly version: number;
}

/** One item of a list that was refused while others were taken. */
export interface RejectedItem {
  /** Position in the list that was sent. */
  readonly index: number;
  readonly id: string;
  readonly code: string;
  readonly field: string;
  readonly message: string;
  readonly mend?: string | undefined;
}

/** 202 of `POST /v1/feedback` and `POST /v1/exposures`: everything counted here is durable. */
export interface IntakeAnswer {
  /** joined + routed + unjoined + duplicates. */
  readonly accepted: number;
  readonly joined: number;
  /** Durable here, on their way to the decision's origin. */
  readonly routed: number;
  /** Durable, but the decision was not kept. */
  readonly unjoined: number;
  readonly duplicates: number;
  readonly rejected: readonly RejectedItem[];
}

/** 202 of `POST /v1/ingest`: everything taken is durable. */
export interface IngestAnswer {
  /** taken + duplicates + unused. */
  readonly accepted: number;
  readonly taken: number;
  readonly duplicates: number;
  /** No declared feature reads them: not kept. */
  readonly unused: number;
  readonly rejected: readonly RejectedItem[];
}

/** `GET /v1/points/{point}/report`: the answering node with everything below it, and each deciding node below. */
export interface ReportAnswer {
  readonly report: PointReport;
  readonly nodes: readonly PointReport[];
  /** When the answering process began to count, wall ms; what was learned before counts among the evidence. */
  readonly startedMs?: number | undefined;
}

/** `GET /v1/points/{point}/history`: the last minutes of a point as the answering node saw it, everything below it included. */
export interface HistoryAnswer {
  readonly point: string;
  /** The answering daemon's clock now, wall ms: times of samples are told by the same clock. */
  readonly nowMs: number;
  /** Between two samples, ms. */
  readonly stepMs: number;
  /** In the order of the figures of each sample. */
  readonly arms: readonly string[];
  /** Oldest first; none of a point that is not sampled. */
  readonly samples: readonly HistorySample[];
}

export interface HistorySample {
  /** Wall ms. */
  readonly atMs: number;
  readonly mode: PointReport['mode'];
  readonly decisionsPerSecond: number;
  /** So far, by arm; a counter starts anew with its daemon. */
  readonly decisions: readonly number[];
  /** By arm, as in the report of that moment. */
  readonly allocation: readonly (number | null)[];
  /** Of validated points: outcomes judged, mean squared losses of the last ones, and whether a learner was frozen. */
  readonly loss?:
    | {
        readonly judged: number;
        readonly learner: number | null;
        readonly reference: number | null;
        readonly frozen: boolean;
      }
    | undefined;
}

/** `POST /v1/kill` and `POST /v1/revive`. */
export interface ScopeRequest {
  /** `point:NAME`, `domain:NAME`, `artifact:NAME`, `tier:NAME`, `node:NAME` or `*`. */
  readonly scope: string;
  readonly reason: string;
}

export interface KillAnswer {
  readonly tag: string;
  /** When every overseen node has stopped at the latest; null where unbounded. */
  readonly boundMs: number | null;
  /** Points declared at this node that the scope is about; 0: none is known there. Absent from older daemons. */
  readonly matches?: number | undefined;
  /** The scope that was probably meant, where `matches` is 0 and a name that is known there is near. It was not killed. */
  readonly suggestion?: string | undefined;
}

export interface TagsAnswer {
  readonly tags: readonly string[];
}

/** `PUT /v1/points/{point}/override` */
export interface OverrideBody {
  readonly arm: string;
  readonly segment?: Readonly<Record<string, unknown>> | undefined;
  readonly reason: string;
  /** From now, ms; without it the override stands until it is removed. */
  readonly forMs?: number | undefined;
}

/** `GET /v1/models/{model}`: its versions, and as arms of each point that has them as arms. */
export interface ModelAnswer extends ModelStatus {
  readonly reports: readonly { readonly point: string; readonly arms: readonly ArmReport[] }[];
}

/** `POST /v1/models/{model}/versions`, `/promote`, `/retire`. */
export type ModelChangeAnswer = ModelChange;

/** `POST /v1/models/{model}/rollback` */
export interface RollbackAnswer extends ModelChange, KillAnswer {
  readonly from: string;
  readonly to: string;
}

/** A model of the training plan. `GET /v1/training`. */
export interface TrainingStatus {
  readonly model: string;
  /** Whose decisions it learns from. */
  readonly point: string;
  readonly cadence: 'daily' | 'weekly' | 'monthly' | 'quarterly';
  /** Data and features: no two models that share one are trained in one window. */
  readonly shares: readonly string[];
  readonly state: 'waiting' | 'running';
  /** When it is due, and the window it falls in; ms since the epoch. */
  readonly next: { readonly startMs: number; readonly windowMs: number; readonly why: string };
  /** The last run, also of before a restart; null: there was none. */
  readonly last: {
    readonly atMs: number;
    readonly endedMs: number;
    /** Who or what asked for it. */
    readonly asked: string;
    /** As the audit has it: a person, `schedule`, `alarm`. */
    readonly by: string;
    /** `interrupted`: the daemon stopped while it ran. */
    readonly outcome: 'promoted' | 'rejected' | 'first' | 'unchanged' | 'failed' | 'interrupted';
    readonly version: string | null;
    readonly why: string;
    /** Of the gate; null where it was not asked. */
    readonly verdict: {
      readonly passed: boolean;
      readonly why: string;
      readonly decisions: number;
      readonly candidate: number | null;
      readonly champion: number | null;
      readonly difference: { readonly value: number; readonly low: number; readonly high: number } | null;
    } | null;
  } | null;
  /** Runs that could not begin in time; windows that passed while the daemon was away among them. */
  readonly missed: number;
}

/** `POST /v1/models/{model}/retrain` */
export interface TrainingAnswer {
  readonly model: string;
  /** When it begins or began, and the window it falls in; ms since the epoch. */
  readonly startMs: number;
  readonly windowMs: number;
  readonly running: boolean;
}

/** `GET /healthz` */
export interface HealthAnswer {
  readonly status: 'ok';
  readonly version: string;
  readonly node: string;
  /** Wall clock of the daemon, ms since the epoch. */
  readonly nowMs: number;
  /** Version of what nodes say to each other on a link; another one is refused. */
  readonly protocol: number;
  /** Whether calls need a token. Without, any token is as good as none. */
  readonly tokens: boolean;
  /** What the token of this call lets do; null: it is not known here, or there was none. */
  readonly role: 'viewer' | 'app' | 'node' | 'operator' | null;
}

/** `GET /readyz` answers this with 200, or a problem document with 503. */
export interface ReadyAnswer {
  readonly status: 'ready';
  readonly nodes: readonly Pick<NodeStatus, 'node' | 'tier' | 'health' | 'problems' | 'storage'>[];
}

/** A decision or a list of them, as the request was one or a list. */
export type DecideAnswer = Decision | readonly Decision[];

/** What may be sent as feedback. */
export type FeedbackBody = FeedbackItem | readonly FeedbackItem[];
