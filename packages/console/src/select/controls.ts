import type { Acknowledgement, ControlsStatus, KillStatus, NodeStatus, PointSpec } from '../wire.ts';
import { durationMs, plural } from './format.ts';

/** A scope a person may kill: what it is called on the wire, and in words. */
export interface Scope {
  readonly value: string;
  readonly kind: 'point' | 'domain' | 'node' | 'tier' | 'artifact' | '*';
  readonly name: string;
}

/** Reads `point:checkout`, `tier:device`, `*`. Unknown kinds are kept as they are. */
export function parseScope(value: string): Scope {
  const colon = value.indexOf(':');
  if (colon < 0) return { value, kind: '*', name: '' };
  return { value, kind: value.slice(0, colon) as Scope['kind'], name: value.slice(colon + 1) };
}

/** A scope in words: `the point checkout`, `every device`, `everything`; a node takes its subtree with it. */
export function scopeWords(value: string): string {
  const { kind, name } = parseScope(value);
  if (kind === '*') return 'everything';
  if (kind === 'tier') return `every ${name}`;
  return `the ${kind} ${name}`;
}

/** The domain of a point; those that name none share one. */
export function domainOf(spec: PointSpec): string {
  return spec.domain ?? 'default';
}

/** What a person may choose in the dialog, by kind, each only where there is one. */
export function scopeChoices(
  specs: readonly PointSpec[],
  nodes: readonly NodeStatus[],
): Readonly<Record<'point' | 'domain' | 'node' | 'tier', readonly string[]>> {
  const unique = (names: readonly string[]) => [...new Set(names)];
  return {
    point: unique(specs.map((spec) => spec.point)),
    domain: unique(specs.map(domainOf)),
    node: unique(nodes.map((node) => node.node)),
    tier: unique(nodes.map((node) => node.tier)),
  };
}

/** What a kill of this scope would stop, before anybody says yes. */
export interface Impact {
  readonly points: readonly PointSpec[];
  readonly nodes: readonly NodeStatus[];
  /** A node that is cut off stops by itself within this, ms: the longest lease of the points; null if none is bounded. */
  readonly withinMs: number | null;
  /** Points whose stop has no bound on a node that is cut off. */
  readonly unbounded: readonly string[];
}

/** Default lease of an overseen point, ms (see `OversightSpec`). */
const LEASE_MS = 30_000;

/** Whether a cut-off node would go on deciding this point without end. */
export function isUnbounded(spec: PointSpec): boolean {
  return spec.oversight?.lease === 'none' || spec.oversight?.onExpiry === 'continue';
}

/** The longest lease of any bounded point, ms: what a full lease looks like. */
export function longestLeaseMs(specs: readonly PointSpec[]): number {
  const leases = specs
    .filter((spec) => !isUnbounded(spec))
    .map((spec) => durationMs(spec.oversight?.lease) ?? LEASE_MS);
  return leases.length === 0 ? LEASE_MS : Math.max(...leases);
}

/** @param scope - as on the wire. */
export function impactOf(scope: string, specs: readonly PointSpec[], nodes: readonly NodeStatus[]): Impact {
  const { kind, name } = parseScope(scope);
  const points = specs.filter(
    (spec) =>
      (kind === 'point' && spec.point === name) ||
      (kind === 'domain' && domainOf(spec) === name) ||
      kind === 'node' ||
      kind === 'tier' ||
      kind === '*',
  );
  const reached = nodes.filter(
    (node) =>
      (kind !== 'node' || pathOf(node, nodes).includes(name)) && (kind !== 'tier' || node.tier === name),
  );
  const bounded = points.filter((spec) => !isUnbounded(spec));
  return {
    points,
    nodes: reached,
    withinMs: bounded.length === 0 ? null : longestLeaseMs(bounded),
    unbounded: points.filter(isUnbounded).map((spec) => spec.point),
  };
}

/** A node and its ancestors: a killed node takes its subtree with it. */
function pathOf(node: NodeStatus, nodes: readonly NodeStatus[]): readonly string[] {
  const path = [node.node];
  let parent = node.parent;
  while (parent !== null && !path.includes(parent)) {
    path.push(parent);
    parent = nodes.find((one) => one.node === parent)?.parent ?? null;
  }
  return path;
}

/** How far a kill has got. The states are counted apart and never merged. */
export interface AckCounts {
  readonly acknowledged: number;
  readonly waiting: number;
  /** Not heard of since the node that tells was restarted. */
  readonly unknown: number;
  readonly leaseExpired: number;
  readonly unbounded: number;
  /** The slowest acknowledgement, ms; null before the first. */
  readonly lastAfterMs: number | null;
}

/** Counts the acknowledgements of one kill. */
export function ackCounts(acknowledgements: readonly Acknowledgement[]): AckCounts {
  const of = (state: Acknowledgement['state']) => acknowledgements.filter((ack) => ack.state === state);
  const times = of('acknowledged').flatMap((ack) => (ack.afterMs === null ? [] : [ack.afterMs]));
  return {
    acknowledged: of('acknowledged').length,
    waiting: of('waiting').length,
    unknown: of('unknown').length,
    leaseExpired: of('lease_expired').length,
    unbounded: of('unbounded').length,
    lastAfterMs: times.length === 0 ? null : Math.max(...times),
  };
}

/** `4 of 4 nodes acknowledged`, then what stands out, each by its own name. */
export function ackWords(kill: KillStatus): string {
  const counts = ackCounts(kill.acknowledgements);
  const parts = [`${counts.acknowledged} of ${plural(kill.acknowledgements.length, 'node')} acknowledged`];
  if (counts.leaseExpired > 0) parts.push(`${counts.leaseExpired} stopped by an expired lease`);
  if (counts.waiting > 0) parts.push(`${counts.waiting} not heard yet`);
  if (counts.unknown > 0) parts.push(`${counts.unknown} not seen since a restart`);
  if (counts.unbounded > 0) parts.push(`${counts.unbounded} without a bound`);
  return parts.join(', ');
}

/** The kills that touch a point, newest first; those of tiers and nodes touch it in part. */
export function killsOf(spec: PointSpec, controls: ControlsStatus | null): readonly KillStatus[] {
  const touches = (kill: KillStatus) => {
    const { kind, name } = parseScope(kill.scope);
    if (kind === 'point') return name === spec.point;
    return kind === 'domain' ? name === domainOf(spec) : kind !== 'artifact';
  };
  return (controls?.kills ?? []).filter(touches).toSorted((a, b) => b.atMs - a.atMs);
}

/** Nodes listed one by one; of more, those that have acknowledged are counted, but for the first few. */
const ACKS_LISTED = 24;

/** Of a large tree those that have not acknowledged stand first and alone: they are what a person looks for. */
export function foldedAcks(acks: KillStatus['acknowledgements']): {
  readonly rows: KillStatus['acknowledgements'];
  readonly folded: KillStatus['acknowledgements'];
} {
  if (acks.length <= ACKS_LISTED) return { rows: acks, folded: [] };
  const done = acks.filter(({ state }) => state === 'acknowledged');
  const open = acks.filter(({ state }) => state !== 'acknowledged');
  const room = Math.max(0, ACKS_LISTED - open.length);
  return { rows: [...open, ...done.slice(0, room)], folded: done.slice(room) };
}
