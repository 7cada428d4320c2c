import type { Decision, TypedDecision } from './decision/record.ts';
import type { DefinedPoint, PointSpec, Tier } from './decision/spec.ts';
import type { EventValue } from './feature.ts';
import type { Problem } from './limits.ts';
import type {
  AuditEntry,
  ControlsStatus,
  ModelStatus,
  NodeEvent,
  NodeStatus,
  PointReport,
} from './status.ts';

/** What a caller gives a decision. */
export interface DecideInput {
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Who or what it is decided for: assignment hashes it, stickiness keeps it. Without one, a random unit is assumed. */
  readonly unit?: string | undefined;
  /** For policies that learn sequences: the episode that the decision belongs to; default: the unit. */
  readonly episode?: string | undefined;
  /**
   * Arms that the caller cannot use for this decision: a retry must not go where it just failed. The propensity is that
   * of the draw among the others; outcomes of such decisions do not train, for what came before is in no context.
   */
  readonly exclude?: readonly string[] | undefined;
  /**
   * Another system has decided already, and this one only watches: the arm it took, and the probability it took it with, in
   * (0, 1], where that is known. The record has reason `observed`; its outcome trains iff the probability is known.
   */
  readonly taken?: { readonly arm: string; readonly propensity?: number | undefined } | undefined;
}

/** A list of arms, the first on top. */
export interface Slate<Item extends Decision = Decision> {
  /** Of the first item; what the items share. */
  readonly id: string;
  /** A decision each, in order: its propensity is that of its arm at this position given those above. */
  readonly items: readonly Item[];
  /** What diversity took off the expected reward of this list; null where it has none, or arms are not known yet. */
  readonly diversityCost: number | null;
}

export interface FeedbackItem {
  readonly id: string;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly reward?: number | undefined;
  readonly truth?: string | number | boolean | undefined;
  /** For policies that learn sequences: the episode ended with this decision (kept as the metric `done`, 1 or 0). */
  readonly done?: boolean | undefined;
  /** Default 0. A higher revision replaces; the same value again is a duplicate. */
  readonly revision?: number | undefined;
}

/** `routed`: durable here, on its way to the decision's origin. `unjoined`: the decision was not kept, and its windows may be open. */
export type FeedbackResult =
  | { readonly id: string; readonly status: 'joined' | 'duplicate' | 'routed' | 'unjoined' }
  | { readonly id: string; readonly status: 'rejected'; readonly problem: Problem };

/** Something that happened to entities, for the features that read events of its type. */
export interface IngestEvent {
  /** Sent again within the window that ids are remembered for, it counts once. */
  readonly id: string;
  /** Who makes the ids; default ''. */
  readonly source?: string | undefined;
  readonly type: string;
  /** `KIND:KEY`, such as `user:alice`; or several. */
  readonly entity: string | readonly string[];
  /** Whose features it moves; default `default`. */
  readonly domain?: string | undefined;
  /** When it happened, ms since the epoch; default: now. */
  readonly atMs?: number | undefined;
  readonly data?: Readonly<Record<string, EventValue>> | undefined;
}

/** `unused`: no feature that is declared here reads it, so it is not kept. */
export type IngestResult =
  | { readonly id: string; readonly status: 'taken' | 'duplicate' | 'unused' }
  | { readonly id: string; readonly status: 'rejected'; readonly problem: Problem };

/** What a node knows of an entity at this moment. */
export interface EntityView {
  readonly node: string;
  readonly domain: string;
  /** `KIND:KEY`. */
  readonly entity: string;
  /** Whether any event of it is remembered; what follows is then of defaults alone. */
  readonly known: boolean;
  readonly atMs: number;
  readonly features: readonly FeatureValue[];
}

export interface FeatureValue {
  /** `KIND.NAME`. */
  readonly feature: string;
  /** null while it is not known. */
  readonly value: number | string | null;
  /** When the newest event behind it happened, and when this node heard of it; null before the first. */
  readonly eventAtMs: number | null;
  readonly knownAtMs: number | null;
  /** Relative standard error, of features that estimate; 0 while exact. */
  readonly error?: number | undefined;
  /** Points that declare it. */
  readonly points: readonly string[];
}

/** The entities of one kind in one domain, on this node. Counts are since it started. */
export interface EntityCounts {
  readonly domain: string;
  readonly entity: string;
  readonly entities: number;
  readonly maxEntities: number;
  readonly evicted: number;
  readonly expired: number;
}

/** Events of a domain that this node was sent since it started, by what became of them. */
export interface IngestCounts {
  readonly domain: string;
  readonly taken: number;
  readonly duplicate: number;
  readonly unused: number;
  readonly rejected: number;
}

/** Who asks for a control action, already authenticated at the rim. */
export interface Actor {
  readonly name: string;
  /** The node whose subtree this actor may control. */
  readonly authority: string;
}

export interface KillRequest {
  readonly scope: string;
  readonly reason: string;
  readonly by: Actor;
}

export interface OverrideRequest {
  readonly point: string;
  readonly arm: string;
  readonly segment?: Readonly<Record<string, unknown>> | undefined;
  readonly reason: string;
  /** From now, ms; undefined: until removed. */
  readonly forMs?: number | undefined;
  readonly by: Actor;
}

/** What is said of a version when it is registered. */
export interface VersionInput {
  readonly version: string;
  readonly digest: string;
  readonly parents?: readonly string[] | undefined;
  readonly window?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly traffic?: number | undefined;
  readonly reason?: string | undefined;
}

/** Of one version of a model; the first registered is the champion, every other a challenger. */
export interface RegisterRequest extends VersionInput {
  readonly model: string;
  readonly by: Actor;
}

export interface VersionRequest {
  readonly model: string;
  readonly version: string;
  readonly reason: string;
  readonly by: Actor;
}

/** `revision` counts the changes of the model. */
export interface ModelChange {
  readonly revision: number;
  readonly changed: boolean;
}

/**
 * The registry of model versions. It is changed at the root alone, goes down the tree with the controls, and is in force on
 * a node as soon as it has heard of it. Every change is audited, and durable when its promise resolves.
 * @throws GanglionError `forbidden` away from the root; `unknown_model`, `unknown_version`
 */
export interface ModelRegistry {
  list(): readonly ModelStatus[];
  /** Undefined where nothing is registered under this name. */
  get(model: string): ModelStatus | undefined;
  /** @throws GanglionError `version_conflict` for a version that is there with another digest */
  register(request: RegisterRequest): Promise<ModelChange>;
  /**
   * Makes a version the champion; with `traffic`, a challenger with that share instead.
   * @throws GanglionError `version_conflict` where a kill of it stands, or a point needs what would go
   */
  promote(request: VersionRequest & { readonly traffic?: number | undefined }): Promise<ModelChange>;
  /** Serves nobody from now on. @throws GanglionError `invalid_input` for the champion */
  retire(request: VersionRequest): Promise<ModelChange>;
  /**
   * The champion before this one again, and a kill of this one, in one: it takes effect as a kill does, with its bound and
   * acknowledgements under `tag`.
   */
  rollback(request: Omit<VersionRequest, 'version'>): Promise<
    ModelChange & {
      readonly from: string;
      readonly to: string;
      readonly tag: string;
      readonly boundMs: number | null;
    }
  >;
}

/** What the application gives a decision at a typed point; without a context only where all of it may be absent. */
export type TypedInput<Context, Arm extends string = string> = Omit<
  DecideInput,
  'context' | 'exclude' | 'taken'
> & {
  readonly exclude?: readonly Arm[] | undefined;
  readonly taken?: { readonly arm: Arm; readonly propensity?: number | undefined } | undefined;
} & (Partial<Context> extends Context
    ? { readonly context?: Context | undefined }
    : { readonly context: Context });

/** What a decision is given: nothing at all only where its context may be absent. */
type Given<Context, Arm extends string> =
  Partial<Context> extends Context ? [input?: TypedInput<Context, Arm>] : [input: TypedInput<Context, Arm>];

/** A typed point on one node. What its arms and context are not part of is asked of the node: feedback, reports, controls. */
export interface PointHandle<Arm extends string, Context> {
  /** Declares it and sends it down the tree, as `GanglionNode.apply` does. */
  apply(by: Actor): Promise<{ version: number; changed: boolean }>;
  decide(...given: Given<Context, Arm>): TypedDecision<Arm>;
  /** Its list of two could not be given by functions that are generic in the context, so the first may always be left out. */
  decideAsync(
    input?: TypedInput<Context, Arm>,
    options?: { readonly deadlineMs?: number },
  ): Promise<TypedDecision<Arm>>;
  /** As `GanglionNode.rank` does. */
  rank(k: number, ...given: Given<Context, Arm>): Slate<TypedDecision<Arm>>;
}

/** One node of the tree: the same on every tier. Everything synchronous is in memory; promises resolve once durable. */
export interface GanglionNode {
  readonly name: string;
  readonly tier: Tier;
  readonly incarnation: string;

  /** Declares or replaces a point and sends it down the tree. @throws GanglionError `invalid_spec` before anything changes */
  apply(spec: PointSpec, by: Actor): Promise<{ version: number; changed: boolean }>;
  /**
   * Sets weights of a point's objective, the others stay, and sends it down the tree; audited with the reason. `forgets`:
   * what was learned rests on the old weights and begins anew; not where every metric is declared with a range.
   * @throws GanglionError `unknown_point`, `invalid_input` for a metric that the objective does not have
   */
  reweigh(request: {
    readonly point: string;
    readonly weights: Readonly<Record<string, number>>;
    readonly reason: string;
    readonly by: Actor;
  }): Promise<{ version: number; changed: boolean; forgets: boolean }>;
  remove(point: string, by: Actor, reason?: string): Promise<void>;
  points(): readonly { readonly spec: PointSpec; readonly version: number }[];
  /** Undefined where there is no such point. */
  point(name: string): { readonly spec: PointSpec; readonly version: number } | undefined;

  /**
   * A point of this process, typed: its validator checks the contexts of every decision that this node makes at the point
   * from now on, wherever the declaration comes from. The last one used counts.
   */
  use<Arm extends string, Context>(point: DefinedPoint<Arm, Context>): PointHandle<Arm, Context>;
  /** Never throws but for `unknown_point`; allocates the record and little else. */
  decide(point: string, input?: DecideInput): Decision;
  /**
   * Ranks `k` arms, for points with a slate. Tell of each item under its own id; one that nobody reacted to earned 0.
   * @throws GanglionError `unknown_point`, `invalid_input` where the point does not rank or `k` is beyond its positions
   */
  rank(point: string, k: number, input?: DecideInput): Slate;
  /** May escalate to the parent; falls back at the deadline; re-checks the controls before it returns. */
  decideAsync(
    point: string,
    input?: DecideInput,
    options?: { readonly deadlineMs?: number },
  ): Promise<Decision>;
  /** The application did apply the decision (points with `exposure: explicit`). Resolves once durable. */
  expose(ids: readonly string[]): Promise<readonly FeedbackResult[]>;
  /**
   * In flight no longer, without an outcome yet: for guards and balancers that count requests. `abandoned`: there will
   * be none that says anything of the arm (the caller went away), so silence is not answered with the default.
   */
  release(id: string, abandoned?: boolean): void;
  /** One result an item, in order. Resolves once all that was accepted is durable. @throws `storage_failed`, `overloaded` */
  feedback(items: readonly FeedbackItem[]): Promise<readonly FeedbackResult[]>;
  /** Events for features: visible to decisions of this node at once. As `feedback` in all else. @throws `storage_failed`, `overloaded` */
  ingest(events: readonly IngestEvent[]): Promise<readonly IngestResult[]>;
  /** What this node knows of an entity (`KIND:KEY`). @throws `invalid_input`; `unknown_entity` where nothing of the kind is declared in the domain */
  entity(domain: string, entity: string): EntityView;
  /** How much of it there is. */
  entities(): { readonly stores: readonly EntityCounts[]; readonly events: readonly IngestCounts[] };

  /**
   * `matches`: how many of the points declared here the scope is about; 0 where none is known, and the kill stands for those to
   * come. `suggestion`: then the scope that was probably meant, where a name that is known is near; nothing is killed by it.
   */
  kill(request: KillRequest): Promise<{
    tag: string;
    boundMs: number | null;
    matches: number;
    suggestion?: string | undefined;
  }>;
  /** Takes back every kill that stands for this scope; returns their tags. @throws `unknown_control` where there is none, `forbidden` */
  revive(request: KillRequest): Promise<{ tags: readonly string[] }>;
  override(request: OverrideRequest): Promise<{ tag: string }>;
  removeOverride(request: {
    readonly point: string;
    readonly tag?: string | undefined;
    readonly reason: string;
    readonly by: Actor;
  }): Promise<{ tags: readonly string[] }>;
  /** Takes a node's evidence, and all that came through it, out of everything it taught. */
  quarantine(request: { readonly node: string; readonly reason: string; readonly by: Actor }): Promise<void>;
  /** Its evidence counts again. @throws `unknown_control` where it is not quarantined, `forbidden` */
  liftQuarantine(request: {
    readonly node: string;
    readonly reason: string;
    readonly by: Actor;
  }): Promise<{ tags: readonly string[] }>;
  /** Forgets what a point has learned, everywhere, whoever is offline now. */
  reset(request: { readonly point: string; readonly reason: string; readonly by: Actor }): Promise<void>;

  /** Versions of models: artifacts with lineage, which points may have as arms. */
  readonly models: ModelRegistry;
  /**
   * An entry in the audit for what was done beside this node, such as an evaluation of its log. Resolves once durable.
   * @throws GanglionError `forbidden`; `invalid_input` without a reason, or for an action that is no name
   */
  note(request: {
    readonly action: string;
    readonly target: string;
    readonly reason: string;
    readonly by: Actor;
  }): Promise<void>;
  /**
   * Lets the frozen learners of a point learn again, here and on every node below. The test for decay begins anew. At the root it
   * holds for the whole tree, also for nodes that are away.
   */
  thaw(request: { readonly point: string; readonly reason: string; readonly by: Actor }): Promise<void>;

  /** Over this node and everything below it, or of this node alone. @throws `unknown_point` */
  report(point: string, scope?: 'subtree' | 'self'): PointReport;
  /** This node and everything below it. */
  nodes(): readonly NodeStatus[];
  /** Reports of a point by this node alone, and by every node below that decides it, as last heard. @throws `unknown_point` */
  reports(point: string): readonly PointReport[];
  controls(): ControlsStatus;
  audit(limit?: number): readonly AuditEntry[];
  /** Events from now on, of this node and those below that report up. Returns the way to stop. */
  subscribe(listener: (event: NodeEvent) => void): () => void;

  /** Stops intake, writes what is pending, ends the incarnation. Idempotent. */
  close(): Promise<void>;
}
