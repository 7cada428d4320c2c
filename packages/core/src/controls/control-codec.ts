import type { PointSpec } from '../decision/spec.ts';
import { GanglionError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { ControlState, Kill, Override, Quarantine, SpecVersion } from './control-state.ts';
import { decodeModels, encodeModels, type ModelsJson } from './model-codec.ts';
import { fold, type Range, type Removed, removedTags, unionRemoved } from './removed.ts';

/** Most names of points, deleted ones included: those stay known, so that an old copy cannot bring them back. */
export const NAMES_MAX = 100_000;

/** Most sayings of one kind that are taken from a link. */
const LIST_MAX = 100_000;

/** Most sayings of one kind that may stand: far below what a link takes, so that what is said can always be sent and read. */
export const STANDING_MAX = 10_000;

/** Longest tag: acknowledgements name it, and a link takes no longer one. */
export const TAG_LENGTH = 400;

/** Controls as JSON, for the disk and the link. */
export interface ControlsJson {
  readonly kills: readonly Kill[];
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  /** Tags that are not numbered by their origin. */
  readonly removed: readonly string[];
  /** The others, by origin. Absent in what older versions wrote: all their tags are in `removed`. */
  readonly ranges?: readonly (readonly [string, readonly Range[]])[] | undefined;
  readonly specs: readonly (SpecVersion & { readonly point: string })[];
  readonly resets: readonly (readonly [string, number])[];
  /** Absent where nothing is registered, and in what older versions wrote. */
  readonly models?: ModelsJson | undefined;
  /** Absent where there are none, and in what older versions wrote. */
  readonly thaws?: readonly (readonly [string, number])[] | undefined;
}

/** Sorted, so that equal states give equal bytes. */
export function encodeControls(state: ControlState): ControlsJson {
  const byTag = <T extends { tag: string }>(map: ReadonlyMap<string, T>): T[] =>
    [...map.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  return {
    kills: byTag(state.kills),
    overrides: byTag(state.overrides),
    quarantines: byTag(state.quarantines),
    removed: [...state.removed.odd].sort(),
    ranges: [...state.removed.ranges].sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    specs: [...state.specs]
      .map(([point, spec]) => ({ point, ...spec }))
      .sort((a, b) => (a.point < b.point ? -1 : 1)),
    resets: [...state.resets].sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    ...(state.models.size === 0 ? {} : { models: encodeModels(state.models) }),
    ...(state.thaws.size === 0 ? {} : { thaws: [...state.thaws].sort((a, b) => (a[0] < b[0] ? -1 : 1)) }),
  };
}

/** How controls are read. */
export interface ControlsReading {
  /** Most of each kind; what is on the own disk is read however much it is. */
  readonly most?: number;
  /** Hears of each field that was set right. */
  readonly mended?: (field: string) => void;
}

/**
 * From untrusted JSON. A generation that is no number, as older versions wrote of arms named as what objects inherit, is
 * 0: kills and leases must not hang on it. All else that is malformed refuses the whole.
 * @throws GanglionError `undecodable`, naming the field
 */
export function decodeControls(
  json: unknown,
  limits: Limits,
  { most = LIST_MAX, mended = () => {} }: ControlsReading = {},
): ControlState {
  const top = record(json, 'controls');
  const kills = new Map<string, Kill>();
  for (const [said, at] of items(top, 'kills', most))
    kills.set(text(said, 'tag', at, TAG_LENGTH), { ...saidFields(said, at), scope: text(said, 'scope', at) });
  const overrides = new Map<string, Override>();
  for (const [said, at] of items(top, 'overrides', most))
    overrides.set(text(said, 'tag', at, TAG_LENGTH), {
      ...saidFields(said, at),
      point: name(said, 'point', at),
      arm: name(said, 'arm', at),
      segment: Object.freeze({ ...record(said.segment, `${at}.segment`) }),
      expiresMs: said.expiresMs === null ? null : finite(said, 'expiresMs', at),
    });
  const quarantines = new Map<string, Quarantine>();
  for (const [said, at] of items(top, 'quarantines', most))
    quarantines.set(text(said, 'tag', at, TAG_LENGTH), {
      ...saidFields(said, at),
      node: name(said, 'node', at),
    });
  const removed = unionRemoved(removedIn(top, most), rangesIn(top, most));
  const specs = new Map<string, SpecVersion>();
  for (const [item, at] of items(top, 'specs', Math.max(limits.points, NAMES_MAX, most))) {
    const generations: Record<string, number> = Object.create(null);
    const raw = record(item.generations, `${at}.generations`);
    for (const arm of Object.keys(raw)) {
      generations[arm] = Number.isFinite(raw[arm]) ? (raw[arm] as number) : 0;
      if (generations[arm] !== raw[arm]) mended(`${at}.generations.${arm}`);
    }
    if (item.spec !== null) {
      const declared = record(item.spec, `${at}.spec`);
      if (declared.point !== item.point) refuse(`${at}.spec.point`, declared.point);
    }
    specs.set(name(item, 'point', at), {
      version: finite(item, 'version', at),
      node: name(item, 'node', at),
      spec: item.spec === null ? null : (item.spec as unknown as PointSpec),
      generations,
    });
  }
  const resets = counts(top, 'resets', most);
  const thaws = top.thaws === undefined ? new Map<string, number>() : counts(top, 'thaws', most);
  const models = decodeModels(top.models);
  return { kills, overrides, quarantines, removed, specs, resets, thaws, models };
}

/** Whole numbers by point. */
function counts(top: Record<string, unknown>, key: string, most: number): Map<string, number> {
  const out = new Map<string, number>();
  for (const pair of list(top, key, most)) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || !Number.isSafeInteger(pair[1]) || pair[1] < 0)
      refuse(`controls.${key}`, pair);
    out.set((pair as [string, number])[0], (pair as [string, number])[1]);
  }
  return out;
}

/** As older versions wrote all of them; now only those of another form than `node~incarnation~n`. */
function removedIn(top: Record<string, unknown>, most: number): Removed {
  const tags: string[] = [];
  for (const tag of list(top, 'removed', most)) {
    if (typeof tag !== 'string' || tag.length > TAG_LENGTH) refuse('controls.removed', tag);
    tags.push(tag as string);
  }
  return removedTags(tags);
}

function rangesIn(top: Record<string, unknown>, most: number): Removed {
  const ranges = new Map<string, readonly Range[]>();
  let size = 0;
  for (const pair of top.ranges === undefined ? [] : list(top, 'ranges', most)) {
    if (!Array.isArray(pair) || !isOrigin(pair[0]) || !Array.isArray(pair[1]) || !pair[1].every(isRange))
      refuse('controls.ranges', pair);
    const [origin, list] = pair as [string, Range[]];
    size += list.length;
    if (size > most) refuse('controls.ranges', size);
    ranges.set(origin, fold([...(ranges.get(origin) ?? []), ...list.map(([from, to]): Range => [from, to])]));
  }
  for (const [origin, list] of ranges) if (list.length === 0) ranges.delete(origin);
  return { ranges, odd: new Set() };
}

const isOrigin = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= TAG_LENGTH && /^[^~]+~[^~]+$/.test(value);

/** As many numbers as a tag may have digits. */
const isRange = (value: unknown): value is Range =>
  Array.isArray(value) &&
  value.length === 2 &&
  Number.isInteger(value[0]) &&
  Number.isInteger(value[1]) &&
  value[0] >= 0 &&
  value[0] <= value[1] &&
  value[1] < 1e15;

function saidFields(said: Record<string, unknown>, at: string) {
  return {
    tag: text(said, 'tag', at),
    subtree: name(said, 'subtree', at),
    reason: text(said, 'reason', at),
    by: text(said, 'by', at),
    atMs: finite(said, 'atMs', at),
  };
}

function refuse(field: string, value: unknown): never {
  throw new GanglionError('undecodable', `${field} is malformed`, { field, value });
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, value);
  return value as Record<string, unknown>;
}

function list(top: Record<string, unknown>, key: string, most: number): readonly unknown[] {
  const value = top[key];
  if (!Array.isArray(value) || value.length > most) refuse(`controls.${key}`, value);
  return value as readonly unknown[];
}

function items(top: Record<string, unknown>, key: string, most: number): [Record<string, unknown>, string][] {
  return list(top, key, most).map((item, i) => [
    record(item, `controls.${key}[${i}]`),
    `controls.${key}[${i}]`,
  ]);
}

function text(from: Record<string, unknown>, key: string, at: string, most = 1024): string {
  const value = from[key];
  if (typeof value !== 'string' || value.length > most) refuse(`${at}.${key}`, value);
  return value as string;
}

function name(from: Record<string, unknown>, key: string, at: string): string {
  const value = from[key];
  if (typeof value !== 'string' || !NAME_PATTERN.test(value)) refuse(`${at}.${key}`, value);
  return value as string;
}

function finite(from: Record<string, unknown>, key: string, at: string): number {
  const value = from[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse(`${at}.${key}`, value);
  return value as number;
}
