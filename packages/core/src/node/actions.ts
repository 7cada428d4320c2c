import {
  type Kill,
  withKill,
  withOverride,
  withQuarantine,
  withReset,
  withThaw,
} from '../controls/control-state.ts';
import { parseScope } from '../controls/scope.ts';
import { checkSegment } from '../controls/segment.ts';
import { GanglionError } from '../errors.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { Actor, GanglionNode } from '../node-api.ts';
import { record } from './audit.ts';
import { atRoot, authorise, newWord, reasonOf, room, takeBack } from './authority.ts';
import { pumpChildren } from './child-link.ts';
import { checkRoom } from './control-room.ts';
import { changeControls } from './controls.ts';
import { onceWritable, written } from './durability.ts';
import { boundOf } from './held-leases.ts';
import { press } from './parent-link.ts';
import { matchesOf, suggestionOf } from './scope-matches.ts';
import type { NodeState } from './state.ts';
import { unknownPoint } from './unknown-point.ts';
import { thawWhenDue } from './validating.ts';

type Actions = Pick<
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
>;

type RequestOf<Action extends keyof Actions> = Parameters<Actions[Action]>[0];

/**
 * What people may do to this node and everything below it: authorised, audited, in force at once, and durable when the
 * promise resolves. While the disk fails what stops is in force all the same, and whatever else is refused and changes
 * nothing: what sets free must not be what a restart takes back.
 */
export function controlling(node: NodeState): Actions {
  return {
    kill: (request) => kill(node, request),
    revive: (request) => onceWritable(node, () => revive(node, request)),
    override: (request) => onceWritable(node, () => pin(node, request)),
    removeOverride: (request) => onceWritable(node, () => unpin(node, request)),
    quarantine: (request) => quarantine(node, request),
    liftQuarantine: (request) => onceWritable(node, () => liftQuarantine(node, request)),
    reset: (request) => onceWritable(node, () => reset(node, request)),
    note: (request) => note(node, request),
    thaw: (request) => onceWritable(node, () => thaw(node, request)),
  };
}

async function kill(node: NodeState, { scope, reason, by }: RequestOf<'kill'>): ReturnType<Actions['kill']> {
  authorise(node, by);
  const parsed = parseScope(scope);
  const matches = matchesOf(node, parsed);
  reasonOf(reason);
  const said = notWrittenYet(node, scope, reason, by) ?? say(node, scope, reason, by);
  await written(node);
  press(node);
  pumpChildren(node);
  const { monoMs, wallMs } = node.moment;
  const bound = boundOf(node, said, monoMs);
  const suggestion = matches === 0 ? suggestionOf(node, parsed) : undefined;
  return {
    tag: said.tag,
    boundMs: bound === null ? null : wallMs + bound - monoMs,
    matches,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function say(node: NodeState, scope: string, reason: string, by: Actor): Kill {
  room(node.controls.kills, 'kills');
  const said = { ...newWord(node, by, reason), scope };
  const controls = withKill(node.controls, said);
  checkRoom(node, controls, 'stops', { field: 'scope', value: scope });
  changeControls(node, controls);
  record(node, by, 'kill', scope, reason);
  return said;
}

/** The same kill, said before and not on disk yet: whoever heard that the disk fails says it again, and means one. */
function notWrittenYet(node: NodeState, scope: string, reason: string, by: Actor): Kill | undefined {
  if (node.flushFailures === 0) return undefined;
  for (const kill of node.controls.kills.values())
    if (
      kill.scope === scope &&
      kill.subtree === node.name &&
      kill.reason === reason &&
      kill.by === by.name &&
      !node.durableControls.kills.has(kill.tag)
    )
      return kill;
  return undefined;
}

async function revive(
  node: NodeState,
  { scope, reason, by }: RequestOf<'revive'>,
): ReturnType<Actions['revive']> {
  authorise(node, by);
  reasonOf(reason);
  const standing = [...node.controls.kills.values()].filter((each) => each.scope === scope);
  if (standing.length === 0)
    throw new GanglionError('unknown_control', `no kill stands for ${scope}`, {
      field: 'scope',
      value: scope,
      mend: 'List what stands with GET /v1/controls.',
    });
  const tags = takeBack(node, standing, { what: 'kill', how: 'Revive', field: 'scope', value: scope });
  record(node, by, 'revive', scope, reason);
  await written(node);
  press(node);
  pumpChildren(node);
  return { tags };
}

/** A person pins an arm, for a segment. */
async function pin(
  node: NodeState,
  { point, arm, segment, reason, forMs, by }: RequestOf<'override'>,
): ReturnType<Actions['override']> {
  authorise(node, by);
  const state = node.points.get(point);
  if (state === undefined) throw unknownPoint(node, point);
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
    ...newWord(node, by, reason),
    point,
    arm,
    segment: checkSegment(segment ?? {}, state.compiled.fields),
    expiresMs: forMs === undefined ? null : node.moment.treeMs + forMs,
  };
  const controls = withOverride(node.controls, override);
  checkRoom(node, controls, 'declarations', { field: 'point', value: point });
  changeControls(node, controls);
  record(node, by, 'override', point, `${arm}: ${reason}`);
  await written(node);
  press(node);
  return { tag: override.tag };
}

/** Without a tag, all overrides of the point. */
async function unpin(
  node: NodeState,
  { point, tag, reason, by }: RequestOf<'removeOverride'>,
): ReturnType<Actions['removeOverride']> {
  authorise(node, by);
  const standing = [...node.controls.overrides.values()].filter(
    (each) => each.point === point && (tag === undefined || each.tag === tag),
  );
  if (standing.length === 0)
    throw new GanglionError('unknown_control', `no override stands for ${point}`, {
      field: 'point',
      value: point,
    });
  const tags = takeBack(node, standing, { what: 'override', how: 'Remove', field: 'point', value: point });
  record(node, by, 'override.remove', point, reason);
  await written(node);
  press(node);
  return { tags };
}

async function quarantine(
  node: NodeState,
  { node: target, reason, by }: RequestOf<'quarantine'>,
): Promise<void> {
  authorise(node, by);
  if (target !== node.name && !node.routes.has(target))
    throw new GanglionError('unknown_node', `no node ${target} is known here`, {
      field: 'node',
      value: target,
      mend: 'List them with GET /v1/nodes.',
    });
  room(node.controls.quarantines, 'quarantines');
  const controls = withQuarantine(node.controls, { ...newWord(node, by, reason), node: target });
  checkRoom(node, controls, 'stops', { field: 'node', value: target });
  changeControls(node, controls);
  record(node, by, 'quarantine', target, reason);
  await written(node);
  press(node);
}

async function liftQuarantine(
  node: NodeState,
  { node: target, reason, by }: RequestOf<'liftQuarantine'>,
): ReturnType<Actions['liftQuarantine']> {
  authorise(node, by);
  reasonOf(reason);
  const standing = [...node.controls.quarantines.values()].filter((each) => each.node === target);
  if (standing.length === 0)
    throw new GanglionError('unknown_control', `${target} is not quarantined`, {
      field: 'node',
      value: target,
      mend: 'List what stands with GET /v1/controls.',
    });
  const tags = takeBack(node, standing, { what: 'quarantine', how: 'Lift', field: 'node', value: target });
  record(node, by, 'quarantine.lift', target, reason);
  await written(node);
  press(node);
  pumpChildren(node);
  return { tags };
}

async function reset(node: NodeState, { point, reason, by }: RequestOf<'reset'>): Promise<void> {
  authorise(node, by);
  atRoot(node, 'points are reset');
  if (!node.points.has(point)) throw unknownPoint(node, point);
  reasonOf(reason);
  const controls = withReset(node.controls, point);
  checkRoom(node, controls, 'stops', { field: 'point', value: point });
  changeControls(node, controls);
  record(node, by, 'reset', point, reason);
  await written(node);
  press(node);
}

async function note(node: NodeState, { action, target, reason, by }: RequestOf<'note'>): Promise<void> {
  authorise(node, by);
  reasonOf(reason);
  for (const [field, name] of Object.entries({ action, target }))
    if (!NAME_PATTERN.test(name))
      throw new GanglionError('invalid_input', `the ${field} is not a name`, { field, value: name });
  record(node, by, action, target, reason);
  await written(node);
}

async function thaw(node: NodeState, { point, reason, by }: RequestOf<'thaw'>): Promise<void> {
  authorise(node, by);
  if (!node.points.has(point)) throw unknownPoint(node, point);
  reasonOf(reason);
  const controls = withThaw(node.controls, point, node.moment.treeMs);
  checkRoom(node, controls, 'stops', { field: 'point', value: point });
  changeControls(node, controls);
  record(node, by, 'thaw', point, reason);
  thawWhenDue(node);
  await written(node);
  press(node);
  pumpChildren(node);
}

/** A copy that the caller cannot change afterwards. */
export const structuredCopy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
