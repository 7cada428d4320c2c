import type { Field } from '../decision/context.ts';
import {
  DEFAULTED,
  type DecisionRecord,
  EXPIRED,
  EXPOSED,
  type RecordSource,
  SELF,
} from '../decision/decision-record.ts';
import { type CompiledPoint, compilePoint } from '../decision/define.ts';
import { chunkPrefix, decodeDecisions } from '../decision/journal.ts';
import { rewardUnder } from '../decision/objective.ts';
import { decodeOutcomes } from '../decision/outcome-journal.ts';
import type { Reason } from '../decision/record.ts';
import { MISSING } from '../decision/shown.ts';
import type { Tier } from '../decision/spec.ts';
import { retell } from '../decision/told.ts';
import type { Limits } from '../limits.ts';
import type { Storage } from '../ports.ts';
import type { Registry } from '../registry.ts';
import { bytesJson } from './json-bytes.ts';
import { pages } from './pages.ts';
import type { StoredSource } from './points.ts';

/** A decision with what came of it, as a log has it. `null` is unknown, or has not happened. */
export interface LoggedDecision {
  readonly id: string;
  readonly point: string;
  /** Wall-clock time of the decision, ms since the epoch. */
  readonly atMs: number;
  readonly stratum: string;
  readonly proposed: string | null;
  readonly arm: string | null;
  /** Arms of the point as it was declared then. */
  readonly arms: readonly string[];
  readonly propensity: number | null;
  readonly confidence: number | null;
  readonly reason: Reason;
  readonly tier: Tier;
  readonly specVersion: number;
  readonly viewVersion: number;
  /** '' where there was none. */
  readonly unit: string;
  /** By field; a category that the schema does not list is `#` and its hashed bucket. */
  readonly context: Readonly<Record<string, number | string | boolean>>;
  /** Of fields that show features: where the value came from, and since when it could be known. Absent where none does. */
  readonly features?: Readonly<Record<string, LoggedFeature>> | undefined;
  /** Whether its outcome may teach. */
  readonly trains: boolean;
  /** The learner's own choice was drawn, not exploration by a guard, the baseline or another system's; absent where a log does not say. */
  readonly selfCaused?: boolean | undefined;
  readonly exposed: boolean;
  /** `feedback`: something was reported; `default`: the declared defaults were assumed; `expired`: its window passed in silence. */
  readonly outcome: 'feedback' | 'default' | 'expired' | 'none';
  readonly metrics: Readonly<Record<string, number>>;
  readonly truth: string | null;
  /** The objective's value, where all it takes is known. */
  readonly reward: number | null;
  /** The objective's range. */
  readonly range: readonly [number, number];
}

/** A feature as a decision saw it. */
export interface LoggedFeature {
  /** `ENTITY.NAME`. */
  readonly feature: string;
  /** `KIND:KEY`; null where the decision was about none. */
  readonly entity: string | null;
  /** `missing`: it was not known, and the field showed its default or nothing; `given`: the caller gave a value. */
  readonly source: 'events' | 'given' | 'missing';
  /** When the newest event behind it happened, and when the node heard of it; null where none has come. */
  readonly eventAtMs: number | null;
  readonly knownAtMs: number | null;
}

export interface ReadLogOptions {
  readonly point?: string | undefined;
  /** From this time on, ms since the epoch; default: all. */
  readonly sinceMs?: number | undefined;
  /** Only the newest so many, so that memory is bounded by them; default: all. */
  readonly most?: number | undefined;
  /** Told how many decisions have been read. */
  readonly onDecisions?: ((count: number) => void) | undefined;
}

export interface ReadLog {
  /** By time. */
  readonly decisions: readonly LoggedDecision[];
  /** Chunks whose declaration is not in the store: written before it was kept. */
  readonly unreadable: number;
  /** Older decisions that `most` left out. */
  readonly older: number;
}

const JSON_MAX = 64 << 20;

/**
 * Reads a node's decisions with their outcomes from its store. All of what is asked for is in memory at once, some
 * hundred bytes a decision: `most` bounds it.
 *
 * @throws GanglionError `undecodable`, and what the store throws
 */
export async function readLog(
  storage: Storage,
  registry: Registry,
  limits: Limits,
  options: ReadLogOptions = {},
): Promise<ReadLog> {
  const sinceMs = options.sinceMs ?? Number.NEGATIVE_INFINITY;
  const sources = new Map<string, Source>();
  for await (const chunks of pages(storage, 'sources', Number.NEGATIVE_INFINITY))
    for (const chunk of chunks) {
      const { prefix, ...stored } = bytesJson(chunk, JSON_MAX) as StoredSource & {
        prefix: string;
        tier: Tier;
      };
      if (options.point === undefined || stored.point === options.point)
        sources.set(prefix, sourceOf(prefix, stored, registry, limits));
      else sources.set(prefix, { skipped: true });
    }
  const most = options.most ?? Number.POSITIVE_INFINITY;
  const newest = newestOf(most);
  let count = 0;
  let older = 0;
  let unreadable = 0;
  for await (const chunks of pages(storage, 'decisions', sinceMs))
    for (const chunk of chunks) {
      const source = sources.get(chunkPrefix(chunk));
      if (source === undefined) unreadable++;
      if (source === undefined || 'skipped' in source) continue;
      const ns: number[] = [];
      for (const record of decodeDecisions(chunk, source.record, 0)) {
        if (source.compiled.explicitExposure) record.state &= ~EXPOSED;
        source.records.set(record.n, record);
        ns.push(record.n);
      }
      const dropped = newest(source.records, ns);
      older += dropped;
      count += ns.length - dropped;
      options.onDecisions?.(count);
    }
  for await (const chunks of pages(storage, 'outcomes', sinceMs))
    for (const chunk of chunks)
      for (const entry of decodeOutcomes(chunk)) {
        const source = sources.get(entry.prefix);
        if (source === undefined || 'skipped' in source) continue;
        const record = source.records.get(entry.n);
        if (record !== undefined) retell(record, entry);
      }
  const decisions: LoggedDecision[] = [];
  for (const source of sources.values())
    if (!('skipped' in source))
      for (const record of source.records.values()) decisions.push(logged(record, source.compiled));
  decisions.sort((a, b) => a.atMs - b.atMs);
  const over = Math.max(0, decisions.length - most);
  return { decisions: over === 0 ? decisions : decisions.slice(over), unreadable, older: older + over };
}

/** What decisions of one prefix have in common; those of other points than the one asked for are skipped. */
type Source =
  | { readonly skipped: true }
  | {
      readonly compiled: CompiledPoint;
      readonly record: RecordSource;
      readonly records: Map<number, DecisionRecord>;
    };

function sourceOf(
  prefix: string,
  stored: StoredSource & { readonly tier: Tier },
  registry: Registry,
  limits: Limits,
): Source {
  const compiled = compilePoint(stored.spec, registry, limits, stored.generations);
  const record: RecordSource = {
    idPrefix: prefix,
    shownTrails: new Map(),
    point: stored.point,
    armIds: compiled.armIds,
    armKeys: compiled.arms.map((arm) => arm.key),
    digests: compiled.artifacts?.map((artifact) => artifact?.digest),
    tier: stored.tier,
    specVersion: stored.version,
  };
  return { compiled, record, records: new Map() };
}

/** Keeps the newest chunks that together hold at least `most` records; returns how many records have made room. */
function newestOf(most: number): (records: Map<number, DecisionRecord>, ns: readonly number[]) => number {
  if (most === Number.POSITIVE_INFINITY) return () => 0;
  const kept: { readonly records: Map<number, DecisionRecord>; readonly ns: readonly number[] }[] = [];
  let count = 0;
  return (records, ns) => {
    kept.push({ records, ns });
    count += ns.length;
    const before = count;
    while (kept.length > 0 && count - kept[0].ns.length >= most) {
      const [oldest] = kept.splice(0, 1);
      for (const n of oldest.ns) oldest.records.delete(n);
      count -= oldest.ns.length;
    }
    return before - count;
  };
}

function logged(record: DecisionRecord, compiled: CompiledPoint): LoggedDecision {
  const { id, point, stratum, proposed, arm, propensity, confidence, reason, tier, versions, atMs } = record;
  const metrics = record.metrics ?? {};
  const reported = record.revisions !== undefined && Object.keys(record.revisions).length > 0;
  const reward = rewardUnder(compiled.objective, record.metrics);
  return {
    id,
    point,
    atMs,
    stratum,
    proposed,
    arm,
    arms: record.source.armIds,
    propensity,
    confidence,
    reason,
    tier,
    specVersion: versions.spec,
    viewVersion: versions.view,
    unit: record.unit,
    context: contextOf(compiled.fields, record.encodedContext),
    ...(record.shown === undefined
      ? {}
      : { features: loggedFeatures(compiled, record.shown, record.unit, record.about) }),
    trains: record.trains,
    selfCaused: (record.state & SELF) !== 0,
    exposed: (record.state & EXPOSED) !== 0,
    outcome: reported
      ? 'feedback'
      : (record.state & DEFAULTED) !== 0
        ? 'default'
        : (record.state & EXPIRED) !== 0
          ? 'expired'
          : 'none',
    metrics,
    truth: record.truth ?? (metrics.truth === undefined ? null : String(metrics.truth)),
    reward: Number.isNaN(reward) ? null : reward,
    range: compiled.objective.range,
  };
}

/** `shown` has two times for each field that shows a feature, in the order of fields; `about` a key for each set. */
export function loggedFeatures(
  { fields, features: sets }: CompiledPoint,
  shown: readonly number[],
  unit: string,
  about: readonly string[] | undefined,
): Record<string, LoggedFeature> {
  const out: Record<string, LoggedFeature> = Object.create(null);
  let i = 0;
  for (const { name, feature } of fields) {
    if (feature === undefined) continue;
    const [eventMs, knownMs] = [shown[2 * i], shown[2 * i + 1]];
    const { entity, key } = sets[feature.set];
    const whom = key === 'unit' ? unit : (about?.[feature.set] ?? '');
    i++;
    out[name] = {
      feature: feature.name,
      entity: whom === '' ? null : `${entity}:${whom}`,
      source: Number.isNaN(eventMs) ? 'given' : eventMs === MISSING ? 'missing' : 'events',
      eventAtMs: eventMs > 0 ? eventMs : null,
      knownAtMs: knownMs > 0 ? knownMs : null,
    };
  }
  return out;
}

/** An encoded context as it was given, by field. */
export function contextOf(
  fields: readonly Field[],
  encoded: readonly number[],
): Record<string, number | string | boolean> {
  const out: Record<string, number | string | boolean> = Object.create(null);
  for (let i = 0; i < Math.min(fields.length, encoded.length); i++) {
    const { name, type, values = [] } = fields[i];
    const value = encoded[i];
    if (Number.isNaN(value)) continue;
    out[name] =
      type === 'number'
        ? value
        : type === 'boolean'
          ? value === 1
          : (values[value] ?? `#${value - values.length}`);
  }
  return out;
}
