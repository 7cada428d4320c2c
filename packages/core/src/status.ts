import type { Decision, Reason } from './decision/record.ts';
import type { PointSpec, Tier } from './decision/spec.ts';
import type { JsonValue } from './guard.ts';
import type { ConstraintEstimate, MemberEstimate } from './policy.ts';

/** An estimate is never shown without its interval; `null` is "unknown", never zero. */
export interface Estimate {
  readonly mean: number | null;
  /** 95 % interval. `null` until there is enough to say. */
  readonly low: number | null;
  readonly high: number | null;
  /** Outcomes it rests on, undecayed. */
  readonly n: number;
}

export interface ArmReport {
  readonly arm: string;
  /** What a treated unit would get right now, before guards; null for policies without a fixed allocation. */
  readonly allocation: number | null;
  /** Share of decisions lately (weighted with a half-life of 30 s); null while there are none. */
  readonly share: number | null;
  readonly decisions: number;
  readonly inflight: number;
  /**
   * By the learner's view where the policy keeps one of rewards (own and pooled evidence, forgetting); else the plain mean
   * of what came back here and below, with an always-valid interval.
   */
  readonly reward: Estimate;
  /** What that plain mean is made of. */
  readonly sums?: SideSums | undefined;
  readonly failures: number;
  /** The version of a model that the arm is; absent where it is none. `stopped`: a kill of it stands. */
  readonly artifact?:
    | { readonly model: string; readonly version: string; readonly digest: string; readonly stopped: boolean }
    | undefined;
  /** Of an artifact, while its outcomes tell: quantiles of the last one to two minutes, and the sums since the start. */
  readonly latency?:
    | { readonly metric: string; readonly quantiles: Quantiles; readonly sums: SideSums }
    | undefined;
}

/** Treated units beside the holdout: what the learning is worth. Metrics by name, `reward` among them. */
export interface LiftReport {
  readonly metric: string;
  readonly treated: Estimate;
  readonly holdout: Estimate;
  /** treated − holdout, always-valid 95 % confidence sequence: it may be looked at as often as one likes. */
  readonly difference: Estimate;
  /** Quantiles where the metric is recorded as a distribution (latencyMs); null while unknown. */
  readonly quantiles?: { readonly treated: Quantiles; readonly holdout: Quantiles } | undefined;
  /** What it was made from, so that reports of several nodes can be merged. */
  readonly sums?: { readonly treated: SideSums; readonly holdout: SideSums } | undefined;
}

/** Sums of one side of a comparison. */
export interface SideSums {
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
  readonly least?: number | undefined;
  readonly most?: number | undefined;
  /** The last one to two minutes: pairs of logarithmic bucket and count, in order. */
  readonly recent?: readonly number[] | undefined;
}

/** An experiment (or a rollout beside what it replaces) over this node and everything below it. */
export interface ExperimentReport {
  readonly experiment: string;
  readonly kind: 'variants' | 'rollout' | 'arms';
  readonly analysis: 'sequential' | 'fixed' | 'group-sequential';
  /** Chance of any false find over all variants of a metric. */
  readonly alpha: number;
  /** Counted decisions at which it ends; null: open. */
  readonly horizon: number | null;
  /** A rollout's stage, from 0. */
  readonly phase: number;
  readonly variants: readonly {
    readonly variant: string;
    readonly control: boolean;
    /** As declared; null where the policy draws. */
    readonly share: number | null;
    /** Decisions whose window has closed, and those of them that count: exposed, with an outcome. */
    readonly closed: number;
    readonly counted: number;
    /** Those that `metrics` are of, where they are of a planned look: fewer than have counted by now. */
    readonly judged?: number | undefined;
  }[];
  /**
   * By how much units that several nodes counted are allowed for: what is counted says as much as that many times fewer.
   * 1 or absent: every unit was counted by one node. Estimated from a sample of the units.
   */
  readonly repeats?: number | undefined;
  /** Of an analysis whose looks are planned; `metrics` are as of the last one taken. Absent where it may be looked at always. */
  readonly looks?: LookReport | undefined;
  /** Sample ratio mismatch: whether those that count are those that were assigned. Always valid. */
  readonly mismatch: { readonly e: number; readonly verdict: 'sound' | 'mismatch' };
  readonly metrics: readonly ExperimentMetric[];
  readonly decision: 'keep going' | 'ship' | 'stop';
  /** What to ship; null unless that is the decision. */
  readonly winner: string | null;
  readonly reason: string;
  /** Metrics of which no value has come, or no direction is declared, in words; absent where there are none. */
  readonly warnings?: readonly string[] | undefined;
}

export interface LookReport {
  /** Parts of the horizon. */
  readonly planned: readonly number[];
  readonly taken: readonly {
    /** Wall clock of the root, ms. */
    readonly atMs: number;
    /** How many had counted. */
    readonly counted: number;
    /** A metric of a variant is decided at this look iff its p is at most this. */
    readonly level: number;
  }[];
}

export interface ExperimentMetric {
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  readonly guardrail: boolean;
  readonly margin: number;
  /** `better` is a guess: the guardrail was declared without it, and its name tells none. Then it never lets anything ship. */
  readonly assumed?: boolean | undefined;
  /** Share of the variance that the covariate took away; null where none is declared. */
  readonly reduction: number | null;
  readonly variants: readonly {
    readonly variant: string;
    readonly mean: Estimate;
    /** This − control; null for the control itself. The intervals of a metric hold together. */
    readonly difference: Estimate | null;
    /** Against "no difference": always valid under sequential analysis; e is null where looks are planned, p that of the look alone. */
    readonly e: number | null;
    readonly p: number | null;
    readonly verdict: 'control' | 'better' | 'worse' | 'undecided';
    /**
     * Of a guardrail, but for the control: whether harm beyond the margin is `shown`, or surely not there (`excluded`), or may
     * still be (`open`). `unknown`: no value has come, or nobody said which way is harm.
     */
    readonly harm?: 'shown' | 'excluded' | 'open' | 'unknown' | undefined;
  }[];
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface GuardReport {
  readonly guard: string;
  /** How often it said anything but pass. */
  readonly interventions: number;
  /** Its last word that was not a pass. */
  readonly why: string;
  readonly state: JsonValue;
}

export interface SlateReport {
  readonly slates: number;
  /** By position, how likely it is looked at, relative to the first: declared, or learned. */
  readonly examination: readonly number[];
  /**
   * What the arms' means and intervals are conditional on: examination just so. Whether it was declared, or learned from the
   * same outcomes; its own uncertainty is in none of them.
   */
  readonly givenExamination?: 'declared' | 'learned' | undefined;
  /** What diversity took off the expected reward of a list, on average; null while unknown, or without it. */
  readonly diversityCost: number | null;
}

export interface ConstraintReport extends ConstraintEstimate {
  readonly arm: string;
}

/** A member of an ensemble; `stopped`: a kill of `artifact:NAME` stands. */
export interface MemberReport extends MemberEstimate {
  readonly stopped: boolean;
}

/** `GET /v1/points/{point}/report`, and what a node tells its parent of a point. */
export interface PointReport {
  readonly point: string;
  readonly node: string;
  readonly tier: Tier;
  readonly spec: PointSpec;
  readonly specVersion: number;
  readonly mode: PointMode;
  /** Why the mode is not `learning`. */
  readonly why: string;
  readonly decisions: number;
  readonly decisionsPerSecond: number;
  readonly outcomes: number;
  readonly pending: number;
  readonly expired: number;
  /** Feedback for decisions that were not kept (overload, lost before the disk). */
  readonly unjoined: number;
  /**
   * Decisions that experiments, rollouts with guardrails or a validation at the window's end do not count, because more were made in a
   * window than `pending` has room for: a sample by number, whatever came of them. Absent where nothing counts so.
   */
  readonly thinned?: number | undefined;
  /** Decisions whose propensity is unknowable, left out of evaluation. */
  readonly unknownPropensity: number;
  /** Decisions by reason; they add up to `decisions`. */
  readonly reasons: Readonly<Record<Reason, number>>;
  readonly arms: readonly ArmReport[];
  readonly lift: readonly LiftReport[];
  /** As the evidence of this node and those below has it. */
  readonly experiments: readonly ExperimentReport[];
  readonly guards: readonly GuardReport[];
  /** Members of a policy that is made of several, as this node's own view has them; absent where it is not. */
  readonly members?: readonly MemberReport[] | undefined;
  /** Of a point that ranks, as this node has it; absent where it does not. */
  readonly slate?: SlateReport | undefined;
  /** Whether each arm holds each constraint, as this node's own view has it; absent where there are none. */
  readonly constraints?: readonly ConstraintReport[] | undefined;
  /** Of a point that declares `validation`. */
  readonly validation?: ValidationReport | undefined;
  /** Of a point that declares `validation` or `training`. */
  readonly training?: TrainingReport | undefined;
  readonly viewVersion: number;
  readonly pooled: { readonly ownOutcomes: number; readonly othersOutcomes: number };
}

/** Mean losses of predictions made before their outcome was learned. `null` is unknown. */
export interface LossReport {
  /** Outcomes; faded ones count in part. */
  readonly n: number;
  /** Brier score of yes-or-no outcomes, else the squared error in units of the reward, squared. */
  readonly squared: number | null;
  /** The same of the reference: the faded mean of each arm's outcomes. */
  readonly reference: number | null;
  /** Log loss, nats; null unless all outcomes are yes or no. */
  readonly log: number | null;
  readonly referenceLog: number | null;
  /** 1 − squared / reference: above 0 the learner knows more than the reference. */
  readonly skill: number | null;
}

/** Predictions of one bin beside what came. */
export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly n: number;
  readonly predicted: number;
  readonly observed: number;
  /** Where the expected outcome lies, always-valid, 95 % over all bins at once. */
  readonly low: number | null;
  readonly high: number | null;
}

/** A learner's freeze on one node. */
export interface FrozenLearner {
  readonly node: string;
  /** `report`: it is only said. */
  readonly action: 'freeze' | 'baseline' | 'report';
  readonly sinceMs: number;
  /** When it ends by itself; null: by hand alone. */
  readonly untilMs: number | null;
  readonly why: string;
}

/** How well a learner predicts outcomes before it learns them. */
export interface ValidationReport {
  readonly learner: string;
  readonly judged: number;
  /** Of these, outcomes that the learner's own choice caused. */
  readonly selfCaused: number;
  readonly kind: 'binary' | 'real' | null;
  /** Over all outcomes, of this node and those below. */
  readonly loss: LossReport;
  /** Faded, so that it is of the last outcomes of each node. */
  readonly recent: LossReport;
  readonly calibration: {
    /** Outcomes after the warm-up. */
    readonly n: number;
    /** Expected calibration error in units of the range, and what chance alone would make of as many outcomes. */
    readonly ece: number | null;
    readonly eceByChance: number | null;
    /** Against "no bin is off by more than the tolerance"; 20 and more is `off`. */
    readonly e: number;
    readonly verdict: 'sound' | 'off' | 'unknown';
    readonly bins: readonly CalibrationBin[];
  };
  /** The test for decay: the highest e-value of any node, and the one that freezes. */
  readonly decay: { readonly armed: boolean; readonly e: number; readonly threshold: number };
  readonly frozen: readonly FrozenLearner[];
  /** What `recent` was made from, so that reports of several nodes can be merged. */
  readonly sums?:
    | {
        readonly n: number;
        readonly squared: number;
        readonly reference: number;
        readonly log: number;
        readonly referenceLog: number;
      }
    | undefined;
}

/** Which outcomes train. */
export interface TrainingReport {
  /** As declared: `include`, `holdBack`, `delay` or `weight`. */
  readonly selfCaused: 'include' | 'holdBack' | 'delay' | 'weight';
  /** Outcomes that could have taught: those that the learner's own choice caused, and all others. */
  readonly caused: number;
  readonly others: number;
  /** Of these, never learned: held back by their cause, or because the learner was frozen. */
  readonly heldBack: number;
  readonly frozen: number;
}

export type PointMode = 'learning' | 'killed' | 'lease_expired' | 'overridden';

/** One node as it sees itself; `GET /v1/nodes` is a list of these, the tree's root first. */
export interface NodeStatus {
  readonly node: string;
  readonly tier: Tier;
  readonly incarnation: string;
  readonly parent: string | null;
  readonly health: 'healthy' | 'degraded' | 'unknown';
  /** What degrades it, one sentence each. */
  readonly problems: readonly string[];
  readonly lease: LeaseStatus;
  /** Since the last word from the parent, ms; null at the root. */
  readonly parentAgeMs: number | null;
  /** Smoothed round trip to the parent, ms. */
  readonly parentRttMs: number | null;
  /** Since this report was made, ms, as the node that answers counts it. */
  readonly ageMs: number;
  readonly storage: 'durable' | 'memory' | 'failing';
  readonly decisionsPerSecond: number;
  readonly decisions: number;
  readonly outcomes: number;
  readonly controlVersion: string;
  readonly points: readonly {
    readonly point: string;
    readonly mode: PointMode;
    readonly decisionsPerSecond: number;
  }[];
  readonly quarantined: readonly string[];
  /** Evidence and messages refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export type LeaseStatus =
  | { readonly state: 'root' }
  | { readonly state: 'held'; readonly remainingMs: number }
  | { readonly state: 'expired'; readonly sinceMs: number }
  | { readonly state: 'none' };

/** A kill with how far it has got. `GET /v1/controls`. */
export interface KillStatus {
  readonly tag: string;
  readonly scope: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  /** The node that took it. */
  readonly origin: string;
  /** When every node either acknowledged or must have run out of its lease, ms since the epoch; null where unbounded. */
  readonly boundMs: number | null;
  readonly acknowledgements: readonly Acknowledgement[];
}

/** The three are never merged: acknowledged, expired by T, and unbounded. */
export interface Acknowledgement {
  readonly node: string;
  /** `unknown`: a child of before a restart, of which nothing has been heard since; its lease may still run. */
  readonly state: 'acknowledged' | 'waiting' | 'unknown' | 'lease_expired' | 'unbounded';
  /** From the kill's being durable where it was taken to the word of this node, ms; null while waiting. */
  readonly afterMs: number | null;
}

/**
 * The registry of model versions, as people's words: it goes down the tree with them, under the same seal. A version is an
 * artifact: what its digest names never changes, and nothing else of it does but its stage, traffic and reason.
 */
export interface ModelVersion {
  /** Unique among the model's versions. */
  readonly version: string;
  /** SHA-256 of the artifact, 64 hexadecimal digits. */
  readonly digest: string;
  /** Versions that it was made from: of this model, or `MODEL@VERSION`. */
  readonly parents: readonly string[];
  /** Data that it was trained on, ms since the epoch, end excluded; null: not said. */
  readonly window: { readonly fromMs: number; readonly toMs: number } | null;
  /** As measured at its validation. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly atMs: number;
  readonly by: string;
  /** `champion`: one a model, serves; `challenger`: serves its share of the traffic, or waits at 0; `retired`: serves nobody. */
  readonly stage: Stage;
  /** Of a challenger, in [0, 1]; the champion has the rest. */
  readonly traffic: number;
  /** Why it is at its stage. */
  readonly reason: string;
  /** Since when it is retired, ms since the epoch. Absent where it is not, or nobody wrote it down. */
  readonly retiredMs?: number;
}

export type Stage = 'champion' | 'challenger' | 'retired';

/** A model with its versions, in the order of their registration. `GET /v1/models`. */
export interface ModelStatus {
  readonly model: string;
  /** Counts the changes of this model. */
  readonly revision: number;
  readonly champion: string;
  /** Earlier champions that a rollback may go back to, the latest last. */
  readonly before: readonly string[];
  /** Points whose arms are its versions. */
  readonly points: readonly string[];
  readonly versions: readonly (ModelVersion & {
    /** A kill of it stands: it is nobody's arm. */
    readonly stopped: boolean;
  })[];
}

export interface OverrideStatus {
  readonly tag: string;
  readonly point: string;
  readonly arm: string;
  /** Conditions on context and unit; empty: everybody. */
  readonly segment: Readonly<Record<string, unknown>>;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
  readonly expiresMs: number | null;
}

export interface ControlsStatus {
  readonly version: string;
  readonly kills: readonly KillStatus[];
  readonly overrides: readonly OverrideStatus[];
  readonly quarantined: readonly {
    readonly node: string;
    readonly reason: string;
    readonly by: string;
    readonly atMs: number;
  }[];
}

export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly node: string;
  readonly by: string;
  /** `kill`, `revive`, `override`, `override.remove`, `point.apply`, `point.delete`, `reset`, `quarantine`, … */
  readonly action: string;
  readonly target: string;
  readonly reason: string;
  /**
   * Said at another node, and heard here at `atMs`: at which node, and when by its wall clock. Of what was taken back only
   * the neighbour that told of it is known: `by` is `unknown`, `saidMs` null, and the audit there has the rest.
   */
  readonly heard?: { readonly from: string; readonly saidMs: number | null };
}

/** `GET /v1/events`: server-sent events; `event:` is `kind`, `data:` the rest. */
export type NodeEvent =
  | {
      readonly kind: 'decision';
      readonly node: string;
      readonly decision: Decision;
      readonly unit?: string;
      readonly context?: Readonly<Record<string, JsonValue>>;
    }
  | {
      readonly kind: 'outcome';
      readonly node: string;
      readonly id: string;
      readonly point: string;
      readonly arm: string;
      /** null where not all of it is known. */
      readonly reward: number | null;
      readonly metrics: Readonly<Record<string, number>>;
      /** What decided: the spec's and the learner view's versions; and whether the learner's own choice was drawn. */
      readonly versions?: Decision['versions'];
      readonly selfCaused?: boolean;
      /** A truth that is text; numbers and booleans stand among the metrics. */
      readonly truth?: string;
    }
  | { readonly kind: 'status'; readonly node: string; readonly status: NodeStatus }
  | { readonly kind: 'report'; readonly node: string; readonly report: PointReport }
  | { readonly kind: 'controls'; readonly node: string; readonly controls: ControlsStatus }
  | { readonly kind: 'audit'; readonly node: string; readonly entry: AuditEntry };
