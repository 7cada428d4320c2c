/** A decision point as its author declares it: the same words in TypeScript, YAML and JSON. Unknown keys are errors. */
export interface PointSpec<Arm extends string = string> {
  readonly point: string;
  readonly description?: string;
  /** Names, or `{ id, features }` each; or the versions of a model, as they come and go. */
  readonly arms: readonly (Arm | ArmSpec<Arm>)[] | VersionArms;
  /** Learner-free: what is served when a control or a guard stops the policy. An arm, or a decision table. */
  readonly fallback: Arm | { readonly rules: readonly RuleSpec<Arm>[] };
  /** What the holdout gets; default: the fallback. */
  readonly baseline?: Offering<PolicyKind>;
  readonly context?: Readonly<Record<string, FieldSpec>>;
  /** By kind of entity: what events keep up for each, for fields of the context to show. */
  readonly features?: Readonly<Record<string, FeatureSetSpec>>;
  readonly policy: Offering<PolicyKind>;
  readonly objective?: ObjectiveSpec;
  readonly guards?: readonly Offering<GuardKind>[];
  /** `none`, or how long a unit keeps its arm. */
  readonly sticky?: 'none' | { readonly for: Duration };
  readonly oversight?: OversightSpec;
  readonly attribution?: AttributionSpec;
  /** Whether a decision counts as exposed at once (default), or only after `POST /v1/exposures`. */
  readonly exposure?: 'decision' | 'explicit';
  readonly placement?: Tier;
  readonly budget?: Duration;
  readonly domain?: string;
  /** The point ranks: several arms at once, the best first. */
  readonly slate?: SlateSpec;
  readonly pooling?: PoolingSpec;
  /** Predict every outcome before it is learned, and freeze the learner when it decays. */
  readonly validation?: ValidationSpec;
  readonly training?: TrainingSpec;
  /** Most decisions of this point that await their outcome at once; default 65,536. Beyond it a sample is kept. */
  readonly pending?: number;
}

export type Tier = 'device' | 'region' | 'cloud';
/** `250ms`, `30s`, `5m`, `1h`, `7d`, or milliseconds as a number. */
export type Duration = string | number;
/** `5%` or a fraction in [0, 1]. */
export type Share = string | number;

export interface ArmSpec<Arm extends string = string> {
  readonly id: Arm;
  readonly features?: Readonly<Record<string, number | string>>;
  /** The artifact that it is: outcomes count for its digest, and a kill of `artifact:MODEL@VERSION` or of the digest stops it. */
  readonly artifact?: ArtifactSpec;
}

/** A version of a model, as an arm. */
export interface ArtifactSpec {
  readonly model: string;
  readonly version: string;
  /** SHA-256, 64 hexadecimal digits. */
  readonly digest: string;
  /** The metric whose quantiles a report shows; default `latencyMs`. */
  readonly latency?: string;
}

/** The arms are the versions of a model that serve: its champion, and the challengers with traffic. */
export interface VersionArms {
  readonly versions: string;
  /** The metric whose quantiles a report shows by version; default `latencyMs`. */
  readonly latency?: string;
}

/** Arms that are declared one by one; none where they are the versions of a model. */
export const declaredArms = (spec: Pick<PointSpec, 'arms'>): readonly (string | ArmSpec)[] =>
  Array.isArray(spec.arms) ? (spec.arms as readonly (string | ArmSpec)[]) : [];

/** A family member and its options. */
export interface KindSpec {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** The same where an editor offers the kinds of this package; those of a registry of one's own are as good. */
type Offering<Kind extends string> = KindSpec & { readonly kind: Kind | (string & Record<never, never>) };

/** The policies of this package. */
export type PolicyKind =
  | 'fixed'
  | 'rules'
  | 'split'
  | 'round-robin'
  | 'epsilon-greedy'
  | 'thompson'
  | 'ucb1'
  | 'kl-ucb'
  | 'exp3'
  | 'softmax'
  | 'linear-thompson'
  | 'lin-ucb'
  | 'square-cb'
  | 'q-learning'
  | 'balancer'
  | 'by-context'
  | 'ensemble';

/** The guards of this package. */
export type GuardKind =
  | 'holdout'
  | 'rollout'
  | 'safety'
  | 'experiment'
  | 'shadow'
  | 'exploration'
  | 'confidence'
  | 'breaker'
  | 'bulkhead'
  | 'limit';

export interface FieldSpec {
  /** Required but for fields that show a feature, which have its type. */
  readonly type?: 'number' | 'category' | 'boolean';
  readonly min?: number;
  readonly max?: number;
  /** number: its usual value and deviation, by which models scale it; without them, by `min` and `max`. */
  readonly mean?: number;
  readonly sd?: number;
  /** category: how many columns models give to values that are not declared; default 1. */
  readonly buckets?: number;
  /** category: the values known beforehand; others are hashed into `buckets`. */
  readonly values?: readonly string[];
  readonly required?: boolean;
  /** It shows this feature, `ENTITY.NAME`, unless the caller gives a value. Beyond `min` and `max` it counts as those. */
  readonly feature?: string;
  /** What it shows while the feature is not known, which the trail then says; without it, it is absent. */
  readonly default?: number | string;
}

/** What is kept of one kind of entity, by events (`POST /v1/ingest`); on the node that heard them, and nowhere else. */
export interface FeatureSetSpec {
  /** Which entity a decision is about: `unit` (default), or `context.NAME`, a text of its context. */
  readonly key?: string;
  /** After so long without an event an entity is forgotten; default 30d. */
  readonly ttl?: Duration;
  /** Beyond so many, those not heard of or asked for the longest go; default 100,000. */
  readonly maxEntities?: number;
  readonly define: Readonly<Record<string, FeatureSpec>>;
}

/** A kind of feature with what it is about, such as `{ rate: click, halfLife: 1h }`; `where`: only events with these data. */
export interface FeatureSpec {
  readonly where?: Readonly<Record<string, string | number | boolean>>;
  readonly [option: string]: unknown;
}

/** First rule whose conditions all hold. A condition: a value (equals), a list (one of), or `{ min, max }`. */
export interface RuleSpec<Arm extends string = string> {
  readonly when?: Readonly<Record<string, unknown>>;
  readonly arm: Arm;
}

/**
 * Reward = Σ weight × metric, clamped into `range`. Keys beside `range` and `constraints` are metrics.
 * Without an objective the reward is what feedback sends as `reward`, in `range` [0, 1].
 */
export interface ObjectiveSpec {
  readonly range?: readonly [number, number];
  readonly constraints?: readonly ConstraintSpec[];
  readonly [metric: string]:
    | number
    | MetricSpec
    | readonly [number, number]
    | readonly ConstraintSpec[]
    | undefined;
}

/** A metric with a range of its own: where all have one, what is learned is kept by metric, and weights may change. */
export interface MetricSpec {
  readonly weight: number;
  /** Values beyond it count as its ends. */
  readonly range: readonly [number, number];
}

/** What a metric must not do on average, arm by arm: `max` or `min`. */
export interface ConstraintSpec {
  readonly metric: string;
  readonly max?: number;
  readonly min?: number;
  /** Of the metric; default [0, 1]. Values beyond it count as its ends. */
  readonly range?: readonly [number, number];
  /** Share of the decisions that may go to arms of which it is not known yet; default 10 %. */
  readonly explore?: Share;
  /** Probability of ever withholding an arm that holds it; default 0.05, over all arms. */
  readonly alpha?: Share;
  /** After which an outcome weighs half; default: nothing is forgotten, and an arm withheld stays so until a reset. */
  readonly halfLife?: Duration;
}

/** A list of arms instead of one. */
export interface SlateSpec {
  /** Most arms in a list. */
  readonly positions: number;
  /** How likely each position is looked at, the first 1; default `learned`. */
  readonly examination?: 'learned' | readonly number[];
  /** A penalty of arms that are like those above (`mmr`), or that lead away from target shares of a feature. */
  readonly diversity?:
    | { readonly kind: 'mmr'; readonly strength?: number }
    | {
        readonly kind: 'calibrated';
        readonly feature: string;
        readonly target: Readonly<Record<string, number>>;
        readonly strength?: number;
      };
}

export interface OversightSpec {
  /** Default 30s. `none`: not overseen; such points are listed as unbounded. */
  readonly lease?: Duration | 'none';
  readonly onExpiry?: 'fallback' | 'continue';
}

export interface AttributionSpec {
  /** How long after a decision its outcome may come; default 5m. */
  readonly window?: Duration;
  /** How long after that it may still be corrected; default 0. */
  readonly correction?: Duration;
  /** Metrics assumed of an exposed decision whose window passed in silence; without them it simply expires. */
  readonly default?: Readonly<Record<string, number>>;
}

export interface PoolingSpec {
  /** Weight of everybody else's evidence, in [0, 1]; default 1. */
  readonly weight?: number;
  /** A new total is adopted in this many steps; default 4. */
  readonly steps?: number;
  /** Time between steps; default 250ms. */
  readonly every?: Duration;
}

export interface ValidationSpec {
  /** `freeze` (default): it learns no more; `baseline`: nor does it decide; `report`: it is only said. */
  readonly onDecay?: 'freeze' | 'baseline' | 'report';
  /** Probability that a learner whose predictions are right is ever found to decay; default 1 %. */
  readonly falseAlarm?: Share;
  /** After which a freeze ends by itself; default 1d. `never`: by hand alone. */
  readonly thawAfter?: Duration | 'never';
  /** Outcomes before any can count against the learner; default 200. */
  readonly warmUp?: number;
  /** How many outcomes the recent loss and the reference remember; default 100. */
  readonly memory?: number;
}

export interface TrainingSpec {
  /**
   * What becomes of outcomes that the learner's own choice caused. Those of the holdout, of the baseline, of exploration by a
   * guard and of other systems always train.
   */
  readonly selfCaused?: 'include' | 'holdBack' | { readonly delay: Duration } | { readonly weight: number };
}

/**
 * A validator by Standard Schema, version 1 (standardschema.dev): what zod, valibot, arktype and others are. The
 * interface is declared here, so that nothing need be installed.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For inference only; never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A point declared in TypeScript: the data that goes down the tree, and the validator that stays in this process. */
export interface DefinedPoint<Arm extends string = string, Context = Readonly<Record<string, unknown>>> {
  readonly spec: PointSpec<Arm>;
  readonly schema: StandardSchema | undefined;
  /** For inference only; never there at run time. */
  readonly types?: { readonly context: Context } | undefined;
}
