import { STANDING_MAX } from '../controls/control-codec.ts';
import {
  withKill,
  withOverride,
  without,
  withQuarantine,
  withReset,
  withThaw,
} from '../controls/control-state.ts';
import { parseScope } from '../controls/scope.ts';
import { checkSegment } from '../controls/segment.ts';
import { GanglionError } from '../errors.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { Actor, GanglionNode, KillRequest, OverrideRequest } from '../node-api.ts';
import { record } from './audit.ts';
import { pumpChildren } from './child-link.ts';
import { checkRoom } from './control-room.ts';
import { changeControls } from './controls.ts';
import { durable } from './durability.ts';
import { boundOf } from './held-leases.ts';
import { press } from './parent-link.ts';
import { matchesOf } from './scope-matches.ts';
import { isSilent } from './silence.ts';
import { type NodeState, readClocks } from './state.ts';
import { thawWhenDue } from './validating.ts';

/**
 * What people may do to this node and everything below it: authorised, audited, in force at once, and durable when the
 * promise resolves.
 */
export function controlling(
  node: NodeState,
): Pick<
  GanglionNode,
  | 'kill'
  | 'revive'
  | 'override'
  | 'removeOverride'
  | 'quarantine'
  | 'liftQuarantine'
  | 'reset'
  | 'note'
  | 'thaw'
> {
  const said = (by: Actor, reason: string) => ({
    tag: newTag(node),
    subtree: node.name,
    reason: reasonOf(reason),
    by: by.name,
    atMs: readClocks(node).wallMs,
  });
  return {
    async kill({ scope, reason, by }: KillRequest) {
      authorise(node, by);
      const matches = matchesOf(node, parseScope(scope));
      room(node.controls.kills, 'kills');
      const kill = { ...said(by, reason), scope };
      const controls = withKill(node.controls, kill);
      checkRoom(node, controls, 'stops', { field: 'scope', value: scope });
      changeControls(node, controls);
      record(node, by, 'kill', scope, reason);
      await durable(node);
      press(node);
      pumpChildren(node);
      const { monoMs, wallMs } = node.moment;
      const bound = boundOf(node, kill, monoMs);
      return {
        tag: kill.tag,
        boundMs: bound === null ? null : wallMs + bound - monoMs,
        matches,
      };
    },
    async revive({ scope, reason, by }: KillRequest) {
      authorise(node, by);
      reasonOf(reason);
      const standing = [...node.controls.kills.values()].filter((kill) => kill.scope === scope);
      if (standing.length === 0)
        throw new GanglionError('unknown_control', `no kill stands for ${scope}`, {
          field: 'scope',
          value: scope,
          mend: 'List what stands with GET /v1/controls.',
        });
      mayTakeBack(node, standing, { what: 'kill', how: 'Revive', field: 'scope', value: scope });
      const tags = standing.map((kill) => kill.tag);
      changeControls(node, without(node.controls, tags));
      record(node, by, 'revive', scope, reason);
      await durable(node);
      press(node);
      pumpChildren(node);
      return { tags };
    },
    async override({ point, arm, segment, reason, forMs, by }: OverrideRequest) {
      authorise(node, by);
      const state = node.points.get(point);
      if (state === undefined) throw unknownPoint(point);
      if (!state.compiled.armIds.includes(arm))
        throw new GanglionError('unknown_arm', `${point} has no such arm`, {
          field: 'arm',
          value: arm,
          mend: `Use one of: ${state.compiled.armIds.slice(0, 20).join(', ')}.`,
        });
      if (forMs !== undefined && !(forMs > 0 && Number.isFinite(forMs)))
        throw new GanglionError('invalid_input', 'forMs must be positive', { field: 'forMs', value: forMs });
      room(node.controls.overrides, 'overrides');
      const override = {
        ...said(by, reason),
        point,
        arm,
        segment: checkSegment(segment ?? {}, state.compiled.fields),
        expiresMs: forMs === undefined ? null : node.moment.treeMs + forMs,
      };
      const controls = withOverride(node.controls, override);
      checkRoom(node, controls, 'declarations', { field: 'point', value: point });
      changeControls(node, controls);
      record(node, by, 'override', point, `${arm}: ${reason}`);
      await durable(node);
      press(node);
      return { tag: override.tag };
    },
    async removeOverride({ point, tag, reason, by }) {
      authorise(node, by);
      const standing = [...node.controls.overrides.values()].filter(
        (each) => each.point === point && (tag === undefined || each.tag === tag),
      );
      if (standing.length === 0)
        throw new GanglionError('unknown_control', `no override stands for ${point}`, {
          field: 'point',
          value: point,
        });
      mayTakeBack(node, standing, { what: 'override', how: 'Remove', field: 'point', value: point });
      const tags = standing.map((each) => each.tag);
      changeControls(node, without(node.controls, tags));
      record(node, by, 'override.remove', point, reason);
      await durable(node);
      press(node);
      return { tags };
    },
    async quarantine({ node: target, reason, by }) {
      authorise(node, by);
      if (target !== node.name && !node.routes.has(target))
        throw new GanglionError('unknown_node', `no node ${target} is known here`, {
          field: 'node',
          value: target,
          mend: 'List them with GET /v1/nodes.',
        });
      room(node.controls.quarantines, 'quarantines');
      const controls = withQuarantine(node.controls, { ...said(by, reason), node: target });
      checkRoom(node, controls, 'stops', { field: 'node', value: target });
      changeControls(node, controls);
      record(node, by, 'quarantine', target, reason);
      await durable(node);
      press(node);
    },
    async liftQuarantine({ node: target, reason, by }) {
      authorise(node, by);
      reasonOf(reason);
      const standing = [...node.controls.quarantines.values()].filter((each) => each.node === target);
      if (standing.length === 0)
        throw new GanglionError('unknown_control', `${target} is not quarantined`, {
          field: 'node',
          value: target,
          mend: 'List what stands with GET /v1/controls.',
        });
      mayTakeBack(node, standing, { what: 'quarantine', how: 'Lift', field: 'node', value: target });
      const tags = standing.map((each) => each.tag);
      changeControls(node, without(node.controls, tags));
      record(node, by, 'quarantine.lift', target, reason);
      await durable(node);
      press(node);
      pumpChildren(node);
      return { tags };
    },
    async reset({ point, reason, by }) {
      authorise(node, by);
      if (!node.points.has(point)) throw unknownPoint(point);
      reasonOf(reason);
      const controls = withReset(node.controls, point);
      checkRoom(node, controls, 'stops', { field: 'point', value: point });
      changeControls(node, controls);
      record(node, by, 'reset', point, reason);
      await durable(node);
      press(node);
    },
    async note({ action, target, reason, by }) {
      authorise(node, by);
      reasonOf(reason);
      for (const [field, name] of Object.entries({ action, target }))
        if (!NAME_PATTERN.test(name))
          throw new GanglionError('invalid_input', `the ${field} is not a name`, { field, value: name });
      record(node, by, action, target, reason);
      await durable(node);
    },
    async thaw({ point, reason, by }) {
      authorise(node, by);
      if (!node.points.has(point)) throw unknownPoint(point);
      reasonOf(reason);
      const controls = withThaw(node.controls, point, node.moment.treeMs);
      checkRoom(node, controls, 'stops', { field: 'point', value: point });
      changeControls(node, controls);
      record(node, by, 'thaw', point, reason);
      thawWhenDue(node);
      await durable(node);
      press(node);
      pumpChildren(node);
    },
  };
}

/** What cannot be sent or read again is refused when it is said. */
export function room(standing: ReadonlyMap<string, unknown>, what: string): void {
  if (standing.size >= STANDING_MAX)
    throw new GanglionError('overloaded', `${STANDING_MAX} ${what} stand already`, {
      mend: 'Take some back first: GET /v1/controls lists them.',
    });
}

export function newTag(node: NodeState): string {
  return `${node.name}~${node.incarnation}~${++node.tagCounter}`;
}

export function reasonOf(reason: unknown): string {
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > 1000)
    throw new GanglionError('invalid_input', 'a reason is required', {
      field: 'reason',
      value: reason,
      mend: 'Say in a few words why, for the audit; at most 1000 characters.',
    });
  return reason;
}

interface TakingBack {
  readonly what: string;
  readonly how: string;
  readonly field: string;
  readonly value: string;
}

/**
 * Taking back needs the issuer's authority or more: what was said above this node is for those above. What was said at a
 * node below that has gone silent is for the root: it may hang below another by now, and those above would not follow.
 */
function mayTakeBack(
  node: NodeState,
  standing: readonly { readonly subtree: string }[],
  { what, how, field, value }: TakingBack,
): void {
  const other = standing.find(({ subtree }) => subtree !== node.name && !isWithin(node, subtree));
  if (other === undefined) return;
  const silent = node.routes.has(other.subtree);
  throw new GanglionError(
    'forbidden',
    `the ${what} was said at ${other.subtree}${silent ? ', which is silent and may have moved' : ''}`,
    { field, value, mend: `${how} it at ${other.subtree} or ${silent ? 'at the root' : 'above'}.` },
  );
}

function isWithin(node: NodeState, name: string): boolean {
  const link = node.children.get(node.routes.get(name) ?? '');
  return link !== undefined && (node.isRoot || !isSilent(node, link));
}

/** An actor may control its own node's subtree: this node must lie in it. */
export function authorise(node: NodeState, by: Actor): void {
  if (node.closed) throw new GanglionError('closed', 'this node has been stopped');
  readClocks(node);
  if (by.authority !== '*' && !node.path.includes(by.authority))
    throw new GanglionError('forbidden', `${by.name} has no authority over ${node.name}`, {
      field: 'authority',
      value: by.authority,
    });
}

export function unknownPoint(point: string): GanglionError {
  return new GanglionError('unknown_point', `there is no point ${point}`, {
    field: 'point',
    value: point,
    mend: 'Declare it with PUT /v1/points/{point}, or list them with GET /v1/points.',
  });
}

/** A copy that the caller cannot change afterwards. */
export const structuredCopy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
