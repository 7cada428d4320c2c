import type { Kill } from '../controls/control-state.ts';
import { artifactNames } from '../controls/model-state.ts';
import { covers, readScope } from '../controls/scope.ts';
import type { CompiledPoint } from '../decision/define.ts';
import type { Acknowledgement, ControlsStatus, KillStatus } from '../status.ts';
import type { NodeState } from './state.ts';

/** `GET /v1/controls`: what stands, and how far each kill has got. */
export function controlsStatus(node: NodeState): ControlsStatus {
  const { controls } = node;
  return {
    version: node.durableDigest,
    kills: [...controls.kills.values()].map((kill) => killStatus(node, kill)),
    overrides: [...controls.overrides.values()].map(
      ({ tag, point, arm, segment, reason, by, atMs, expiresMs }) => ({
        tag,
        point,
        arm,
        segment,
        reason,
        by,
        atMs,
        expiresMs,
      }),
    ),
    quarantined: [...controls.quarantines.values()].map(({ node: name, reason, by, atMs }) => ({
      node: name,
      reason,
      by,
      atMs,
    })),
  };
}

function killStatus(node: NodeState, kill: Kill): KillStatus {
  const times = node.killTimes.get(kill.tag);
  const sinceMs = times === undefined ? 0 : node.moment.monoMs - times.durableMs;
  const lease = longestLease(node, kill);
  const names = new Set([
    node.name,
    ...[...node.children.values()].map((link) => link.node),
    ...node.below.keys(),
    ...node.knownChildren,
  ]);
  const acknowledgements = [...names].sort().map((name): Acknowledgement => {
    const acked = name === node.name ? (times === undefined ? undefined : 0) : times?.acks.get(name);
    if (acked !== undefined) return { node: name, state: 'acknowledged', afterMs: acked };
    if (node.applied.get(name)?.has(kill.tag) === true)
      return { node: name, state: 'acknowledged', afterMs: null };
    if (lease === null) return { node: name, state: 'unbounded', afterMs: null };
    return {
      node: name,
      state:
        sinceMs > lease * (1 + CLOCK_DRIFT)
          ? 'lease_expired'
          : name === node.name || node.routes.has(name)
            ? 'waiting'
            : 'unknown',
      afterMs: null,
    };
  });
  return {
    tag: kill.tag,
    scope: kill.scope,
    reason: kill.reason,
    by: kill.by,
    atMs: kill.atMs,
    origin: kill.subtree,
    boundMs: lease === null ? null : node.moment.wallMs - sinceMs + lease * (1 + CLOCK_DRIFT),
    acknowledgements,
  };
}

/** Whether an artifact is an arm or a member of a point, under any of its names. */
function has({ armIds, artifacts, policy }: CompiledPoint, name: string): boolean {
  if (armIds.includes(name) || policy.members?.includes(name) === true) return true;
  return (
    artifacts?.some(
      (each) => each !== undefined && artifactNames(each.model, each.version, each.digest).includes(name),
    ) === true
  );
}

/** Largest relative error of a device's clock that the bound allows for. */
export const CLOCK_DRIFT = 0.01;

/** The longest lease of the points a kill stops, ms; null where one of them goes on without. */
export function longestLease(node: NodeState, kill: Pick<Kill, 'scope'>): number | null {
  let longest = 0;
  const scope = readScope(kill.scope);
  for (const { compiled } of node.points.values()) {
    // Of a tier or a node all points may be meant: the longest lease of any bounds it.
    const meant =
      scope.kind === 'point' || scope.kind === 'domain'
        ? covers(scope, { point: compiled.name, domain: compiled.domain, tier: node.tier, path: node.path })
        : true;
    if (!meant || (scope.kind === 'artifact' && !has(compiled, scope.name))) continue;
    if (compiled.onExpiry === 'continue' || !Number.isFinite(compiled.leaseMs)) return null;
    longest = Math.max(longest, compiled.leaseMs);
  }
  return longest;
}
