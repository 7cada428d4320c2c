import type { ModelVersion } from '../status.ts';

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
  /** Of one model; the longest retired are forgotten first, and never one that a rollback may go back to. */
  versions: 256,
  /** Of all models together; the longest retired of any is forgotten for one more. */
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

/**
 * Who stands for the champion where kills stop it: the latest earlier champion whose bytes no kill stops under any name of the
 * model. The champion itself where none stops it, and where nobody is left.
 */
export function actingOf(entry: ModelEntry, stops: (version: ModelVersion) => boolean): ModelVersion {
  const champion = championOf(entry);
  if (!stops(champion)) return champion;
  const bytes = new Set(entry.versions.filter(stops).map(({ digest }) => digest));
  for (let i = entry.before.length - 1; i >= 0; i--) {
    const former = entry.versions.find(({ version }) => version === entry.before[i]);
    if (former !== undefined && !bytes.has(former.digest)) return former;
  }
  return champion;
}

/** Names under which a kill of `artifact:NAME` means this version. */
export const artifactNames = (model: string, version: string, digest: string): readonly string[] => [
  `${model}@${version}`,
  digest,
  version,
];
