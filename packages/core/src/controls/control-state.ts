import type { PointSpec } from '../decision/spec.ts';
import type { ModelEntry } from './model-state.ts';
import { isRemoved, NOTHING_REMOVED, type Removed, removedTags, unionRemoved } from './removed.ts';

/**
 * All that people said, as one join-semilattice: tagged additions and the tags taken back (an observed-remove set), the
 * newest spec of each point, the highest reset epoch. No clock is asked; `atMs` is for people to read.
 */
export interface ControlState {
  readonly kills: ReadonlyMap<string, Kill>;
  readonly overrides: ReadonlyMap<string, Override>;
  readonly quarantines: ReadonlyMap<string, Quarantine>;
  /** Tags of kills, overrides and quarantines taken back. */
  readonly removed: Removed;
  readonly specs: ReadonlyMap<string, SpecVersion>;
  /** Learners of a point start anew at each epoch. */
  readonly resets: ReadonlyMap<string, number>;
  /** Registered versions, by model. */
  readonly models: ReadonlyMap<string, ModelEntry>;
  /**
   * When the learners of a point were last thawed: higher each time, and a tree time as far as clocks allow, so that what is
   * said above comes after what was said below. A freeze that began under a lower one is over.
   */
  readonly thaws: ReadonlyMap<string, number>;
}

interface Said {
  /** Unique in the tree: node, incarnation, counter. */
  readonly tag: string;
  /** It holds for this node and all below; taking it back needs authority over this node. */
  readonly subtree: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
}

export interface Kill extends Said {
  readonly scope: string;
}

export interface Override extends Said {
  readonly point: string;
  readonly arm: string;
  readonly segment: Readonly<Record<string, unknown>>;
  /** Tree time; null: until removed. */
  readonly expiresMs: number | null;
}

export interface Quarantine extends Said {
  readonly node: string;
}

export interface SpecVersion {
  readonly version: number;
  /** Breaks ties between versions given at once on two nodes. */
  readonly node: string;
  /** null: deleted. */
  readonly spec: PointSpec | null;
  /** Generation of each arm id: an arm removed and added again starts anew. */
  readonly generations: Readonly<Record<string, number>>;
}

export const EMPTY_CONTROLS: ControlState = Object.freeze({
  kills: new Map(),
  overrides: new Map(),
  quarantines: new Map(),
  removed: NOTHING_REMOVED,
  specs: new Map(),
  resets: new Map(),
  models: new Map(),
  thaws: new Map(),
});

/** Least upper bound. Returns `a` itself where `b` adds nothing, so that "did it change?" is `!==`. */
export function joinControls(a: ControlState, b: ControlState): ControlState {
  const removed = unionRemoved(a.removed, b.removed);
  const kills = joinTagged(a.kills, b.kills, removed);
  const overrides = joinTagged(a.overrides, b.overrides, removed);
  const quarantines = joinTagged(a.quarantines, b.quarantines, removed);
  const specs = joinBy(a.specs, b.specs, newer);
  const resets = joinBy(a.resets, b.resets, (x, y) => y > x);
  const models = joinBy(a.models, b.models, newerModel);
  const thaws = joinBy(a.thaws, b.thaws, (x, y) => y > x);
  const same =
    removed === a.removed &&
    kills === a.kills &&
    overrides === a.overrides &&
    quarantines === a.quarantines &&
    specs === a.specs &&
    resets === a.resets &&
    models === a.models &&
    thaws === a.thaws;
  return same ? a : { kills, overrides, quarantines, removed, specs, resets, models, thaws };
}

/** A total order on spec versions: version, then node, then content, so that a join never depends on who came first. */
const newer = (mine: SpecVersion, theirs: SpecVersion): boolean =>
  later(mine, theirs, mine.version, theirs.version);

const newerModel = (mine: ModelEntry, theirs: ModelEntry): boolean =>
  later(mine, theirs, mine.revision, theirs.revision);

function later(
  mine: { readonly node: string },
  theirs: { readonly node: string },
  myCount: number,
  theirCount: number,
): boolean {
  if (theirCount !== myCount) return theirCount > myCount;
  if (theirs.node !== mine.node) return theirs.node > mine.node;
  return JSON.stringify(theirs) > JSON.stringify(mine);
}

function joinTagged<T extends Said>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  removed: Removed,
): ReadonlyMap<string, T> {
  let out: Map<string, T> | undefined;
  for (const tag of a.keys()) if (isRemoved(removed, tag)) (out ??= new Map(a)).delete(tag);
  for (const [tag, said] of b) {
    if (isRemoved(removed, tag)) continue;
    const mine = (out ?? a).get(tag);
    // A tag is unique; two contents under one tag can only come from a forger, and the join must still commute.
    if (mine === undefined || (mine !== said && JSON.stringify(said) > JSON.stringify(mine)))
      (out ??= new Map(a)).set(tag, said);
  }
  return out ?? a;
}

function joinBy<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  wins: (mine: T, theirs: T) => boolean,
): ReadonlyMap<string, T> {
  let out: Map<string, T> | undefined;
  for (const [key, theirs] of b) {
    const mine = a.get(key);
    if (mine === undefined || (mine !== theirs && wins(mine, theirs))) (out ??= new Map(a)).set(key, theirs);
  }
  return out ?? a;
}

/** Adds one saying. */
export const withKill = (state: ControlState, kill: Kill): ControlState => ({
  ...state,
  kills: new Map(state.kills).set(kill.tag, kill),
});
export const withOverride = (state: ControlState, override: Override): ControlState => ({
  ...state,
  overrides: new Map(state.overrides).set(override.tag, override),
});
export const withQuarantine = (state: ControlState, quarantine: Quarantine): ControlState => ({
  ...state,
  quarantines: new Map(state.quarantines).set(quarantine.tag, quarantine),
});
export const withSpec = (state: ControlState, point: string, spec: SpecVersion): ControlState => ({
  ...state,
  specs: new Map(state.specs).set(point, spec),
});
export const withReset = (state: ControlState, point: string): ControlState => ({
  ...state,
  resets: new Map(state.resets).set(point, (state.resets.get(point) ?? 0) + 1),
});

export const withModel = (state: ControlState, model: string, entry: ModelEntry): ControlState => ({
  ...state,
  models: new Map(state.models).set(model, entry),
});

export const withThaw = (state: ControlState, point: string, treeMs: number): ControlState => ({
  ...state,
  thaws: new Map(state.thaws).set(point, Math.max((state.thaws.get(point) ?? 0) + 1, Math.floor(treeMs))),
});

/** Takes tags back. */
export function without(state: ControlState, tags: readonly string[]): ControlState {
  return joinControls(state, { ...EMPTY_CONTROLS, removed: removedTags(tags) });
}
