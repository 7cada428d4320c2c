import type { Kill } from '../controls/control-state.ts';
import type { Acknowledgement, ControlsStatus, KillStatus } from '../status.ts';
import { boundOf } from './held-leases.ts';
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

/** Whether what was said at `subtree` binds this node. Of one whose place is not known it is not said that it does not. */
function reaches(node: NodeState, subtree: string, name: string): boolean {
  let at = name;
  for (let hops = 0; at !== subtree && hops < HOPS_MAX; hops++) {
    if (at === node.name) return node.path.includes(subtree);
    at = node.below.get(at)?.telemetry.status.parent ?? node.name;
  }
  return true;
}

/** Far more than a tree is deep: those below may say anything of whom they hang below. */
const HOPS_MAX = 64;

function killStatus(node: NodeState, kill: Kill): KillStatus {
  const times = node.killTimes.get(kill.tag);
  const { monoMs, wallMs } = node.moment;
  const bound = boundOf(node, kill, times?.durableMs ?? monoMs);
  const names = new Set([
    node.name,
    ...[...node.children.values()].map((link) => link.node),
    ...node.below.keys(),
    ...node.knownChildren.keys(),
  ]);
  const reached = [...names].filter((name) => reaches(node, kill.subtree, name));
  const acknowledgements = reached.sort().map((name): Acknowledgement => {
    const acked = name === node.name ? (times === undefined ? undefined : 0) : times?.acks.get(name);
    if (acked !== undefined) return { node: name, state: 'acknowledged', afterMs: acked };
    if (node.applied.get(name)?.has(kill.tag) === true)
      return { node: name, state: 'acknowledged', afterMs: null };
    if (bound === null) return { node: name, state: 'unbounded', afterMs: null };
    return {
      node: name,
      state:
        monoMs > bound
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
    boundMs: bound === null ? null : wallMs + bound - monoMs,
    acknowledgements,
  };
}
