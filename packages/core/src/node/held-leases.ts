import type { Kill } from '../controls/control-state.ts';
import { artifactNames } from '../controls/model-state.ts';
import { covers, readScope } from '../controls/scope.ts';
import type { CompiledPoint } from '../decision/define.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { Unbounded } from '../sync/messages.ts';
import { jsonBytes } from './json-bytes.ts';
import { type NodeState, refuse } from './state.ts';

/**
 * A node that is cut off obeys the declaration it holds: its lease, whatever has been declared since. So of each
 * declaration that has been replaced by one under which a kill would bind sooner, it is remembered, also over a restart,
 * that somebody may still obey it: until the lease must have run out.
 *
 * That is known without asking: a lease counts from when the root agreed, and what is granted once the newer declaration
 * is durable vouches for that one. So all that was granted under the older one runs out by its lease after that moment,
 * further down as well. That every child has acknowledged ends it no sooner: one below a child may be asleep. Where the
 * older one has no bound there is no such moment: then each node tells its parent of those below it that have not
 * acknowledged, and the parent waits for all. See docs/adr/0024.
 */
export interface HeldLease {
  readonly point: string;
  readonly domain: string;
  /** The arms, members and models that it may serve; undefined: any. */
  readonly names: readonly string[] | undefined;
  /** Ms; null: it goes on without. */
  leaseMs: number | null;
  /** When the newer declaration became durable here, monotonic ms; Infinity: not yet. */
  sinceMs: number;
  /** The count of `specsKnown` from which on a child has the newer one. */
  serial: number;
}

/** Largest relative error of a device's clock that the bound allows for. */
export const CLOCK_DRIFT = 0.01;
/** The same where it was our own clock that measured what has passed of it. */
const BOTH_DRIFT = (1 + CLOCK_DRIFT) / (1 - CLOCK_DRIFT) - 1;

/** Stands for every point, where too many are held to remember each. */
const EVERYTHING = '*';
/** Most names that are remembered of one point: beyond it, any. */
const NAMES_MAX = 4096;
/** Most that a child may say of those below it: beyond it, everything. */
const SAID_MAX = 1000;

const leaseOf = ({ onExpiry, leaseMs }: CompiledPoint): number | null =>
  onExpiry === 'continue' || !Number.isFinite(leaseMs) ? null : leaseMs;

/** Arms, members and models of a point, under all of their names: what a kill of an artifact may mean. */
function namesOf({ armIds, artifacts, policy }: CompiledPoint): string[] {
  const models = (artifacts ?? []).flatMap((each) =>
    each === undefined ? [] : artifactNames(each.model, each.version, each.digest),
  );
  return [...armIds, ...(policy.members ?? []), ...models];
}

/** The points as they are held now: controls are about to change. */
export const heldBefore = (node: NodeState): ReadonlyMap<string, CompiledPoint> =>
  new Map([...node.points].map(([point, { compiled }]) => [point, compiled]));

/**
 * They have changed: what children may still hold of them is remembered, in the batch that makes the newer ones durable.
 * Also by a node without children: until the newer ones are durable it hands out the older ones to whoever comes.
 */
export function rememberHeld(node: NodeState, before: ReadonlyMap<string, CompiledPoint>): void {
  for (const [point, old] of before) {
    const now = node.points.get(point)?.compiled;
    if (now === old || (now !== undefined && bindsAs(now, old))) continue;
    const names = namesOf(old);
    const held = { point, domain: old.domain, names: names.length > NAMES_MAX ? undefined : names };
    const everything = { point: EVERYTHING, domain: EVERYTHING, names: undefined };
    remember(node, node.heldLeases.size >= node.limits.points ? everything : held, leaseOf(old));
  }
}

/** Whether whatever kill means the older declaration means the newer one too, and binds it no sooner. */
function bindsAs(now: CompiledPoint, old: CompiledPoint): boolean {
  const [nowMs, oldMs] = [leaseOf(now), leaseOf(old)];
  if (now.domain !== old.domain || (nowMs !== null && (oldMs === null || oldMs > nowMs))) return false;
  const names = new Set(namesOf(now));
  return namesOf(old).every((name) => names.has(name));
}

function remember(
  node: NodeState,
  { point, domain, names }: Pick<HeldLease, 'point' | 'domain' | 'names'>,
  leaseMs: number | null,
): void {
  const key = `${point}\n${domain}`;
  const known = node.heldLeases.get(key);
  const all =
    known?.names === undefined || names === undefined ? names : [...new Set([...known.names, ...names])];
  const stored = {
    point,
    domain,
    names:
      known !== undefined && (known.names === undefined || (all?.length ?? 0) > NAMES_MAX) ? undefined : all,
    leaseMs: leaseMs === null || known?.leaseMs === null ? null : Math.max(leaseMs, known?.leaseMs ?? 0),
  };
  node.heldLeases.set(key, { ...stored, sinceMs: Number.POSITIVE_INFINITY, serial: 0 });
  node.writes.push({ kind: 'put', collection: 'held', key, value: jsonBytes(stored) });
}

/** After a restart the time of it is not known any more: it begins anew, and every child has to acknowledge again. */
export function recoverHeld(node: NodeState, key: string, stored: unknown): void {
  const { point, domain, names, leaseMs } = stored as HeldLease;
  node.heldLeases.set(key, { point, domain, names, leaseMs, sinceMs: node.moment.monoMs, serial: 1 });
  node.specsKnown = 1;
}

/** Controls have become durable: from now on the clocks of what they replaced run, if anybody is there to hold it. */
export function startHeld(node: NodeState): void {
  const serial = node.specsKnown + 1;
  for (const [key, held] of node.heldLeases) {
    // Those of a change that came since wait for the batch that has it.
    if (Number.isFinite(held.sinceMs) || node.durableControls !== node.controls) continue;
    if (node.knownChildren.size === 0) {
      forget(node, key);
      continue;
    }
    held.sinceMs = node.moment.monoMs;
    held.serial = serial;
    node.specsKnown = serial;
  }
}

/** A child holds what is durable here. */
export function hearSpecs(node: NodeState, child: string): void {
  if (node.heldLeases.size > 0) node.specsOf.set(child, node.specsKnown);
}

/** What a child says of those below it. */
export function hearUnbounded(node: NodeState, child: string, said: readonly Unbounded[]): void {
  const known = node.unboundedBelow.get(child);
  const sound = said.filter(({ point, domain }) => isName(point) && isName(domain));
  if (sound.length < said.length) refuse(node, 'malformed_message');
  if (JSON.stringify(known ?? []) === JSON.stringify(sound)) return;
  const kept = sound.length > SAID_MAX ? [{ point: EVERYTHING, domain: EVERYTHING }] : sound;
  if (kept.length === 0) node.unboundedBelow.delete(child);
  else node.unboundedBelow.set(child, kept);
  node.writes.push(
    kept.length === 0
      ? { kind: 'delete', collection: 'unbounded', key: child }
      : { kind: 'put', collection: 'unbounded', key: child, value: jsonBytes(kept) },
  );
  if (node.parent !== undefined) node.parent.urgent = true;
}

const isName = (name: unknown): boolean =>
  name === EVERYTHING || (typeof name === 'string' && NAME_PATTERN.test(name));

/** What this node tells its parent: points of which somebody below may hold an older declaration without a bound. */
export function unboundedUp(node: NodeState): Unbounded[] {
  const out = new Map<string, Unbounded>();
  for (const [key, { point, domain, leaseMs }] of node.heldLeases)
    if (leaseMs === null) out.set(key, { point, domain });
  for (const said of node.unboundedBelow.values())
    for (const each of said) out.set(`${each.point}\n${each.domain}`, each);
  return out.size > SAID_MAX ? [{ point: EVERYTHING, domain: EVERYTHING }] : [...out.values()];
}

/** Forgets what nobody can obey any more. */
export function forgetHeld(node: NodeState): void {
  if (node.heldLeases.size === 0) return;
  let least = Number.POSITIVE_INFINITY;
  for (const name of node.knownChildren.keys()) least = Math.min(least, node.specsOf.get(name) ?? 0);
  for (const [key, held] of node.heldLeases) {
    const over =
      held.leaseMs === null
        ? least >= held.serial
        : node.moment.monoMs > endOf(held, Number.POSITIVE_INFINITY);
    if (Number.isFinite(held.sinceMs) && over) forget(node, key);
  }
}

function forget(node: NodeState, key: string): void {
  node.heldLeases.delete(key);
  node.writes.push({ kind: 'delete', collection: 'held', key });
}

/** When what was granted under it before this moment has run out, monotonic ms. */
const endOf = ({ sinceMs, leaseMs }: HeldLease, killedMs: number): number =>
  sinceMs < killedMs
    ? sinceMs + (leaseMs as number) * (1 + BOTH_DRIFT)
    : killedMs + (leaseMs as number) * (1 + CLOCK_DRIFT);

/**
 * When a kill that became durable at `killedMs` must have stopped whoever has not acknowledged it, monotonic ms; null where
 * something that it stops goes on without a lease, or may do so under an older declaration.
 */
export function boundOf(node: NodeState, kill: Pick<Kill, 'scope'>, killedMs: number): number | null {
  const scope = readScope(kill.scope);
  // Of a tier or a node all points may be meant: the longest lease of any bounds it.
  const isMeant = (point: string, domain: string, names?: readonly string[]): boolean =>
    (scope.kind === 'artifact' && (names === undefined || names.includes(scope.name))) ||
    scope.kind === '*' ||
    scope.kind === 'tier' ||
    scope.kind === 'node' ||
    point === EVERYTHING ||
    covers(scope, { point, domain, tier: node.tier, path: node.path });
  // Under the domain that it had, or has now.
  const meant = ({
    point,
    domain,
    names,
  }: Pick<HeldLease, 'point' | 'domain'> & Partial<HeldLease>): boolean =>
    isMeant(point, domain, names) || isMeant(point, node.points.get(point)?.compiled.domain ?? domain, names);
  let until = killedMs;
  for (const { compiled } of node.points.values()) {
    if (!isMeant(compiled.name, compiled.domain, namesOf(compiled))) continue;
    const leaseMs = leaseOf(compiled);
    if (leaseMs === null) return null;
    until = Math.max(until, killedMs + leaseMs * (1 + CLOCK_DRIFT));
  }
  for (const held of node.heldLeases.values()) {
    if (!meant(held)) continue;
    if (held.leaseMs === null) return null;
    until = Math.max(until, endOf(held, killedMs));
  }
  for (const said of node.unboundedBelow.values()) if (said.some(meant)) return null;
  return until;
}
