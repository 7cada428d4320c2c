import type { PointSpec } from '../decision/spec.ts';
import { GanglionError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { ControlState, Kill, Override, Quarantine, SpecVersion } from './control-state.ts';

/** Most names of points, deleted ones included: those stay known, so that an old copy cannot bring them back. */
export const NAMES_MAX = 100_000;

/** Controls as JSON, for the disk and the link. */
export interface ControlsJson {
  readonly kills: readonly Kill[];
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  readonly removed: readonly string[];
  readonly specs: readonly (SpecVersion & { readonly point: string })[];
  readonly resets: readonly (readonly [string, number])[];
}

/** Sorted, so that equal states give equal bytes. */
export function encodeControls(state: ControlState): ControlsJson {
  const byTag = <T extends { tag: string }>(map: ReadonlyMap<string, T>): T[] =>
    [...map.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  return {
    kills: byTag(state.kills),
    overrides: byTag(state.overrides),
    quarantines: byTag(state.quarantines),
    removed: [...state.removed].sort(),
    specs: [...state.specs]
      .map(([point, spec]) => ({ point, ...spec }))
      .sort((a, b) => (a.point < b.point ? -1 : 1)),
    resets: [...state.resets].sort((a, b) => (a[0] < b[0] ? -1 : 1)),
  };
}

/** From untrusted JSON. @throws GanglionError `undecodable`, naming the field */
export function decodeControls(json: unknown, limits: Limits): ControlState {
  const top = record(json, 'controls');
  const kills = new Map<string, Kill>();
  for (const [said, at] of items(top, 'kills'))
    kills.set(text(said, 'tag', at), { ...saidFields(said, at), scope: text(said, 'scope', at) });
  const overrides = new Map<string, Override>();
  for (const [said, at] of items(top, 'overrides'))
    overrides.set(text(said, 'tag', at), {
      ...saidFields(said, at),
      point: name(said, 'point', at),
      arm: name(said, 'arm', at),
      segment: Object.freeze({ ...record(said.segment, `${at}.segment`) }),
      expiresMs: said.expiresMs === null ? null : finite(said, 'expiresMs', at),
    });
  const quarantines = new Map<string, Quarantine>();
  for (const [said, at] of items(top, 'quarantines'))
    quarantines.set(text(said, 'tag', at), { ...saidFields(said, at), node: name(said, 'node', at) });
  const removed = new Set<string>();
  for (const tag of list(top, 'removed')) {
    if (typeof tag !== 'string' || tag.length > 400) refuse('controls.removed', tag);
    removed.add(tag as string);
  }
  const specs = new Map<string, SpecVersion>();
  for (const [item, at] of items(top, 'specs', Math.max(limits.points, NAMES_MAX))) {
    const generations: Record<string, number> = Object.create(null);
    const raw = record(item.generations, `${at}.generations`);
    for (const arm of Object.keys(raw)) generations[arm] = finite(raw, arm, `${at}.generations`);
    specs.set(name(item, 'point', at), {
      version: finite(item, 'version', at),
      node: name(item, 'node', at),
      spec: item.spec === null ? null : (record(item.spec, `${at}.spec`) as unknown as PointSpec),
      generations,
    });
  }
  const resets = new Map<string, number>();
  for (const pair of list(top, 'resets')) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || !Number.isSafeInteger(pair[1]) || pair[1] < 0)
      refuse('controls.resets', pair);
    resets.set((pair as [string, number])[0], (pair as [string, number])[1]);
  }
  return { kills, overrides, quarantines, removed, specs, resets };
}

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

function list(top: Record<string, unknown>, key: string, most = 100_000): readonly unknown[] {
  const value = top[key];
  if (!Array.isArray(value) || value.length > most) refuse(`controls.${key}`, value);
  return value as readonly unknown[];
}

function items(
  top: Record<string, unknown>,
  key: string,
  most?: number,
): [Record<string, unknown>, string][] {
  return list(top, key, most).map((item, i) => [
    record(item, `controls.${key}[${i}]`),
    `controls.${key}[${i}]`,
  ]);
}

function text(from: Record<string, unknown>, key: string, at: string): string {
  const value = from[key];
  if (typeof value !== 'string' || value.length > 1024) refuse(`${at}.${key}`, value);
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
