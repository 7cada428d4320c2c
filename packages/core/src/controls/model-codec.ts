import { GanglionError } from '../errors.ts';
import { ARTIFACT_PATTERN, METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import type { ModelVersion, Stage } from '../status.ts';
import { DIGEST_PATTERN, MODEL_LIMITS, type ModelEntry } from './model-state.ts';

/** The registry as JSON, for the disk and the link. */
export type ModelsJson = readonly (ModelEntry & { readonly model: string })[];

/** Sorted, and every field in one order, so that equal states give equal bytes. */
export function encodeModels(models: ReadonlyMap<string, ModelEntry>): ModelsJson {
  return [...models]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([model, { revision, node, versions, before }]) => ({
      model,
      revision,
      node,
      versions: versions.map(ordered),
      before,
    }));
}

/** From untrusted JSON; undefined, as before there was a registry: nothing. @throws GanglionError `undecodable`, naming the field */
export function decodeModels(json: unknown): ReadonlyMap<string, ModelEntry> {
  const models = new Map<string, ModelEntry>();
  if (json === undefined) return models;
  let total = 0;
  for (const [item, at] of records(json, 'controls.models', MODEL_LIMITS.models)) {
    const model = text(item, 'model', at, NAME_PATTERN);
    const versions = records(item.versions, `${at}.versions`, MODEL_LIMITS.versions).map(version);
    total += versions.length;
    if (total > MODEL_LIMITS.total) refuse('controls.models', total);
    const names = new Set(versions.map((each) => each.version));
    if (names.size < versions.length) refuse(`${at}.versions`, names.size);
    if (versions.filter(({ stage }) => stage === 'champion').length !== 1)
      refuse(`${at}.versions`, 'champion');
    const before = texts(item.before, `${at}.before`, MODEL_LIMITS.before, NAME_PATTERN);
    models.set(model, {
      revision: number(item, 'revision', at),
      node: text(item, 'node', at, NAME_PATTERN),
      versions,
      before,
    });
  }
  return models;
}

const ordered = (each: ModelVersion): ModelVersion => ({
  version: each.version,
  digest: each.digest,
  parents: each.parents,
  window: each.window === null ? null : { fromMs: each.window.fromMs, toMs: each.window.toMs },
  metrics: each.metrics,
  atMs: each.atMs,
  by: each.by,
  stage: each.stage,
  traffic: each.traffic,
  reason: each.reason,
  ...(each.retiredMs === undefined ? {} : { retiredMs: each.retiredMs }),
});

const STAGES: readonly unknown[] = ['champion', 'challenger', 'retired'];

function version([item, at]: Entry): ModelVersion {
  const { stage, window } = item;
  if (!STAGES.includes(stage)) refuse(`${at}.stage`, stage);
  const traffic = number(item, 'traffic', at);
  if (!(traffic >= 0 && traffic <= 1)) refuse(`${at}.traffic`, traffic);
  const metrics = record(item.metrics, `${at}.metrics`);
  const names = Object.keys(metrics);
  if (names.length > MODEL_LIMITS.metrics || !names.every((name) => METRIC_PATTERN.test(name)))
    refuse(`${at}.metrics`, metrics);
  return {
    version: text(item, 'version', at, NAME_PATTERN),
    digest: text(item, 'digest', at, DIGEST_PATTERN),
    parents: texts(item.parents, `${at}.parents`, MODEL_LIMITS.parents, ARTIFACT_PATTERN),
    window: window === null ? null : interval(record(window, `${at}.window`), `${at}.window`),
    metrics: Object.fromEntries(names.map((name) => [name, number(metrics, name, `${at}.metrics`)])),
    atMs: number(item, 'atMs', at),
    by: text(item, 'by', at),
    stage: stage as Stage,
    traffic,
    reason: text(item, 'reason', at),
    ...(item.retiredMs === undefined ? {} : { retiredMs: number(item, 'retiredMs', at) }),
  };
}

const interval = (from: Item, at: string): { fromMs: number; toMs: number } => ({
  fromMs: number(from, 'fromMs', at),
  toMs: number(from, 'toMs', at),
});

type Item = Readonly<Record<string, unknown>>;
type Entry = readonly [item: Item, at: string];

function refuse(field: string, value: unknown): never {
  throw new GanglionError('undecodable', `${field} is malformed`, { field, value });
}

function record(value: unknown, at: string): Item {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, value);
  return value as Item;
}

function records(value: unknown, at: string, most: number): Entry[] {
  if (!Array.isArray(value) || value.length > most) refuse(at, value);
  return (value as unknown[]).map((item, i) => [record(item, `${at}[${i}]`), `${at}[${i}]`]);
}

function texts(value: unknown, at: string, most: number, pattern: RegExp): string[] {
  if (!Array.isArray(value) || value.length > most) refuse(at, value);
  return (value as unknown[]).map((each, i) => text({ [at]: each }, at, `${i}`, pattern));
}

function text(from: Item, key: string, at: string, pattern?: RegExp): string {
  const value = from[key];
  if (typeof value !== 'string' || value.length > 1024 || pattern?.test(value) === false)
    refuse(`${at}.${key}`, value);
  return value as string;
}

function number(from: Item, key: string, at: string): number {
  const value = from[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse(`${at}.${key}`, value);
  return value as number;
}
