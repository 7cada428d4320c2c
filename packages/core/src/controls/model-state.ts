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
}

export type Stage = 'champion' | 'challenger' | 'retired';

/** A model with all its versions: one value, of which the newest revision holds. The root alone makes revisions. */
export interface ModelEntry {
  readonly revision: number;
  /** Breaks ties, as with declarations. */
  readonly node: string;
  /** In the order of their registration. */
  readonly versions: readonly ModelVersion[];
  /** Earlier champions that a rollback may go back to, the latest last. */
  readonly before: readonly string[];
}

/** Bounds on the registry: it is sent whole with the controls. */
export const MODEL_LIMITS = {
  models: 1000,
  /** Of one model; the longest retired are forgotten first. */
  versions: 256,
  /** Of all models together. */
  total: 2000,
  parents: 4,
  metrics: 16,
  /** Earlier champions. */
  before: 32,
  /** Longest reason, characters. */
  reason: 500,
} as const;

export const DIGEST_PATTERN = /^[0-9a-f]{64}$/;

/** The version that serves whoever no challenger does. */
export const championOf = (entry: ModelEntry): ModelVersion =>
  entry.versions.find(({ stage }) => stage === 'champion') as ModelVersion;

/** Challengers with traffic in the order of their registration, then the champion: the versions that are arms. */
export const servingOf = (entry: ModelEntry): readonly ModelVersion[] => [
  ...entry.versions.filter(({ stage, traffic }) => stage === 'challenger' && traffic > 0),
  championOf(entry),
];

/** Names under which a kill of `artifact:NAME` means this version. */
export const artifactNames = (model: string, version: string, digest: string): readonly string[] => [
  `${model}@${version}`,
  digest,
  version,
];
