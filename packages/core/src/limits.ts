/** Bounds on whatever comes from outside. One place, so that a reader can see all of them. */
export interface Limits {
  /** Longest encoded evidence, bytes. */
  readonly evidenceBytes: number;
  /** Most arms a point or its evidence may have. */
  readonly arms: number;
  /** Longest name of a point, arm, node or unit, characters. */
  readonly nameLength: number;
  /** Longest link message, bytes. */
  readonly messageBytes: number;
  /** Most points a node holds. */
  readonly points: number;
  /** Most origins a node keeps slots for, per learner. */
  readonly origins: number;
}

export const DEFAULT_LIMITS: Limits = {
  evidenceBytes: 1 << 20,
  arms: 1024,
  nameLength: 128,
  messageBytes: 16 << 20,
  points: 10_000,
  origins: 100_000,
};

/** Why something was refused, as data: the rim turns it into a problem document, a node into a counter. */
export interface Problem {
  readonly code: string;
  readonly field: string;
  readonly message: string;
  /** What to do about it, where there is something to do. */
  readonly mend?: string | undefined;
}

/** Names of points, arms, nodes, domains: visible, short, and safe in a URL, a file name and a metric label. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Names of artifacts: an arm or member, a digest, or `MODEL@VERSION`. */
export const ARTIFACT_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/;

/**
 * Bounds on every number that is learned from, wherever it comes in: metrics, rewards, truths, weights, numbers of a context
 * and of events, ends of ranges, scales. Squares of what is admitted, and sums of very many, are finite; squares of what tells
 * a range's ends apart are not 0.
 */
export const NUMBER_LIMITS = {
  /** Largest magnitude. */
  largest: 1e100,
  /** Narrowest range, and least standard deviation. */
  narrowest: 1e-100,
  /** The same, as a share of the larger end's magnitude: less is mostly rounding. */
  finest: 1e-9,
} as const;

/** A finite number within `NUMBER_LIMITS`. */
export const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && value <= NUMBER_LIMITS.largest && value >= -NUMBER_LIMITS.largest;

/** Bounds on one item of feedback, wherever it comes in: a node refuses more, and the rim's schemas are made of these. */
export const FEEDBACK_LIMITS = {
  /** Longest id of a decision, characters. */
  idLength: 256,
  /** Most metrics of an item, and of a decision over all its items. */
  metrics: 32,
  /** Longest truth that is text, characters. */
  truthLength: 256,
  /** Highest revision. */
  revision: 2 ** 31 - 1,
} as const;

/** Bounds on one event for features, wherever it comes in. */
export const INGEST_LIMITS = {
  /** Longest id, and longest source, characters. */
  idLength: 256,
  /** Most entities that one event is about. */
  entities: 8,
  /** Most properties of its data. */
  properties: 32,
  /** Longest text among them, characters. */
  textLength: 256,
} as const;

/** Names of metrics: as `NAME_PATTERN`, without the words that an outcome keeps its own things under. */
export const METRIC_PATTERN = /^(?!(?:reward|truth|constructor|prototype)$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
