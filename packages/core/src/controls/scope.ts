import type { Tier } from '../decision/spec.ts';
import { GanglionError } from '../errors.ts';
import { ARTIFACT_PATTERN, NAME_PATTERN } from '../limits.ts';
import type { ControlState, Kill, Override } from './control-state.ts';

/** What a kill may name. */
export type Scope =
  | { readonly kind: '*' }
  | { readonly kind: 'point' | 'domain' | 'artifact' | 'tier' | 'node'; readonly name: string };

const KINDS = ['point', 'domain', 'artifact', 'tier', 'node'];

/** @throws GanglionError `invalid_input` */
export function parseScope(text: unknown): Scope {
  if (text === '*') return { kind: '*' };
  const colon = typeof text === 'string' ? text.indexOf(':') : -1;
  const kind = colon > 0 ? (text as string).slice(0, colon) : '';
  const name = colon > 0 ? (text as string).slice(colon + 1) : '';
  const bad =
    !KINDS.includes(kind) ||
    !(kind === 'artifact' ? ARTIFACT_PATTERN : NAME_PATTERN).test(name) ||
    (kind === 'tier' && !['device', 'region', 'cloud'].includes(name));
  if (bad)
    throw new GanglionError('invalid_input', 'scope is not a scope', {
      field: 'scope',
      value: text,
      mend: 'Use point:NAME, domain:NAME, artifact:NAME (also MODEL@VERSION), tier:device|region|cloud, node:NAME or *.',
    });
  return { kind: kind as 'point', name };
}

/** Where a decision is made, as far as controls are concerned. */
export interface Place {
  readonly point: string;
  readonly domain: string;
  readonly tier: Tier;
  /** This node and its ancestors, root last. */
  readonly path: readonly string[];
  /** Whether a node may be an ancestor for all that is known: asked where this one has not heard its place yet. */
  readonly mayBeAbove?: ((node: string) => boolean) | undefined;
}

/** The first kill that stops all of a point here, and the arms (artifacts) that are killed one by one. */
export interface Ruling {
  readonly kill: Kill | undefined;
  readonly killedArms: ReadonlyMap<string, Kill>;
  /** Overrides for this point, the newest first. */
  readonly overrides: readonly Override[];
}

/** What the controls say of a place. Compiled when controls change, not at each decision. */
export function ruleOn(state: ControlState, place: Place): Ruling {
  let kill: Kill | undefined;
  const killedArms = new Map<string, Kill>();
  for (const each of state.kills.values()) {
    if (!isIn(place, each.subtree)) continue;
    const scope = readScope(each.scope);
    if (scope.kind === 'artifact') killedArms.set(scope.name, each);
    else if (covers(scope, place) && (kill === undefined || each.tag < kill.tag)) kill = each;
  }
  const overrides = [...state.overrides.values()]
    .filter((o) => o.point === place.point && place.path.includes(o.subtree))
    .sort((a, b) => b.atMs - a.atMs || (a.tag < b.tag ? 1 : -1));
  return { kill, killedArms, overrides };
}

export function covers(scope: Scope, place: Place): boolean {
  if (scope.kind === '*') return true;
  if (scope.kind === 'point') return scope.name === place.point;
  if (scope.kind === 'domain') return scope.name === place.domain;
  if (scope.kind === 'tier') return scope.name === place.tier;
  // A killed node takes its subtree with it.
  return scope.kind === 'node' && isIn(place, scope.name);
}

/** Who does not know what is above it stops for too much rather than for too little. */
const isIn = ({ path, mayBeAbove }: Place, node: string): boolean =>
  path.includes(node) || mayBeAbove?.(node) === true;

/** A scope that this version cannot read stops everything below its subtree: silence is not consent. */
export function readScope(text: string): Scope {
  try {
    return parseScope(text);
  } catch {
    return { kind: '*' };
  }
}
