import { type ControlState, withKill, withModel } from '../controls/control-state.ts';
import {
  challenging,
  promoted,
  registered,
  retired,
  rolledBack,
  withinTotal,
} from '../controls/model-changes.ts';
import { artifactNames, championOf, MODEL_LIMITS, type ModelEntry } from '../controls/model-state.ts';
import { compilePoint } from '../decision/define.ts';
import type { PointSpec } from '../decision/spec.ts';
import { compiledOver, modelOf, running } from '../decision/versions.ts';
import { GanglionError } from '../errors.ts';
import { NAME_PATTERN } from '../limits.ts';
import type { Actor, ModelChange, ModelRegistry } from '../node-api.ts';
import type { ModelStatus, ModelVersion } from '../status.ts';
import { record } from './audit.ts';
import { atRoot, authorise, newTag, reasonOf, room } from './authority.ts';
import { pumpChildren } from './child-link.ts';
import { checkRoom } from './control-room.ts';
import { changeControls } from './controls.ts';
import { onceWritable, written } from './durability.ts';
import { boundOf } from './held-leases.ts';
import { press } from './parent-link.ts';
import type { NodeState } from './state.ts';

type Changed = Pick<ModelEntry, 'versions' | 'before'>;
type RollbackChange = Awaited<ReturnType<ModelRegistry['rollback']>>;

/** The registry as this node has it, and what the root may change of it. */
export function modelRegistry(node: NodeState): ModelRegistry {
  return {
    list: () => [...node.controls.models.keys()].sort().map((model) => statusOf(node, model)),
    get: (model) => (node.controls.models.has(model) ? statusOf(node, model) : undefined),
    register: (request) => onceWritable(node, () => register(node, request)),
    promote: (request) => onceWritable(node, () => promote(node, request)),
    retire: (request) => onceWritable(node, () => retire(node, request)),
    rollback: ({ model, reason, by }) => rollBack(node, model, reason, by),
  };
}

async function register(
  node: NodeState,
  { model, by, ...input }: Parameters<ModelRegistry['register']>[0],
): Promise<ModelChange> {
  authorise(node, by);
  const atMs = node.moment.wallMs;
  const made = registered(
    space(node, model),
    input,
    { atMs, by: by.name },
    (each) => killOf(node, model, each) !== undefined,
  );
  const fresh = made?.versions.find(({ version }) => version === input.version);
  if (fresh !== undefined && fresh.traffic > 0) mayServe(node, model, fresh);
  return change(node, by, model, made, 'model.register', input.version, saying(input.digest, input.reason));
}

async function promote(
  node: NodeState,
  { model, version, traffic, reason, by }: Parameters<ModelRegistry['promote']>[0],
): Promise<ModelChange> {
  authorise(node, by);
  const entry = entryOf(node, model);
  const made =
    traffic === undefined
      ? promoted(entry, version, reasonOf(reason), node.moment.wallMs)
      : challenging(entry, version, traffic, reasonOf(reason));
  const serves = made?.versions.find((each) => each.version === version);
  if (serves !== undefined && traffic !== 0) mayServe(node, model, serves);
  const action = traffic === undefined ? 'model.promote' : 'model.challenge';
  const said = traffic === undefined ? reason : `${traffic}: ${reason}`;
  return change(node, by, model, made, action, version, said);
}

async function retire(
  node: NodeState,
  { model, version, reason, by }: Parameters<ModelRegistry['retire']>[0],
): Promise<ModelChange> {
  authorise(node, by);
  const made = retired(entryOf(node, model), version, reasonOf(reason), node.moment.wallMs);
  return change(node, by, model, made, 'model.retire', version, reason);
}

/** The kill and the promotion together, whatever the declarations name: points read what they lose as the champion. */
async function rollBack(node: NodeState, model: string, reason: string, by: Actor): Promise<RollbackChange> {
  authorise(node, by);
  const entry = entryOf(node, model);
  const { wallMs: atMs, monoMs } = node.moment;
  const stopped = (each: ModelVersion): boolean => stopOf(node, model, each) !== undefined;
  const { from, to, ...made } = rolledBack(entry, reasonOf(reason), atMs, stopped);
  room(node.controls.kills, 'kills');
  const kill = {
    tag: newTag(node),
    subtree: node.name,
    scope: `artifact:${model}@${from.version}`,
    reason,
    by: by.name,
    atMs,
  };
  // One change of the controls: no node can have heard of the half of it.
  const controls = withModel(node.controls, model, next(node, entry, made));
  keepsPoints(node, controls, model, 'serving');
  // The bound of what is served now, by whoever has not heard yet.
  const bound = boundOf(node, kill, monoMs);
  const killed = withKill(controls, kill);
  checkRoom(node, killed, 'stops', { field: 'model', value: model });
  changeControls(node, killed);
  record(node, by, 'model.rollback', `${model}@${from.version}`, `to ${to.version}: ${reason}`);
  await settled(node);
  return {
    revision: entry.revision + 1,
    changed: true,
    from: from.version,
    to: to.version,
    tag: kill.tag,
    boundMs: bound === null ? null : atMs + bound - monoMs,
  };
}

async function change(
  node: NodeState,
  by: Actor,
  model: string,
  made: Changed | undefined,
  action: string,
  version: string,
  said: string,
): Promise<ModelChange> {
  const entry = node.controls.models.get(model);
  if (made === undefined) return { revision: entry?.revision ?? 0, changed: false };
  atRoot(node, 'models are registered');
  const after = next(node, entry, made);
  let controls = withModel(node.controls, model, after);
  const stopped = (owner: string, each: ModelVersion): boolean => killOf(node, owner, each) !== undefined;
  for (const [owner, fewer] of withinTotal(controls.models, stopped))
    controls = withModel(controls, owner, next(node, node.controls.models.get(owner), fewer));
  keepsPoints(node, controls, model, 'as declared');
  const gone = forgotten(node.controls.models, controls.models);
  checkRoom(node, controls, action === 'model.retire' ? 'stops' : 'declarations', {
    field: 'model',
    value: model,
  });
  changeControls(node, controls);
  record(node, by, action, `${model}@${version}`, said);
  for (const each of gone) record(node, by, 'model.forget', each, `room for ${model}@${version}`);
  await settled(node);
  return { revision: after.revision, changed: true };
}

/** Versions that were known and are no more, as `MODEL@VERSION`. */
function forgotten(before: ControlState['models'], after: ControlState['models']): readonly string[] {
  return [...before].flatMap(([model, { versions }]) => {
    const left = after.get(model)?.versions;
    if (left === versions) return [];
    const names = new Set(left?.map(({ version }) => version));
    return versions.filter(({ version }) => !names.has(version)).map(({ version }) => `${model}@${version}`);
  });
}

const next = (node: NodeState, entry: ModelEntry | undefined, made: Changed): ModelEntry => ({
  revision: (entry?.revision ?? 0) + 1,
  node: node.name,
  versions: made.versions,
  before: made.before,
});

async function settled(node: NodeState): Promise<void> {
  await written(node);
  press(node);
  pumpChildren(node);
}

/** The entry to add to, if there is one, where there is room for more. */
function space(node: NodeState, model: string): ModelEntry | undefined {
  atRoot(node, 'models are registered');
  const { models } = node.controls;
  if (!NAME_PATTERN.test(model))
    throw new GanglionError('invalid_input', 'model is not a name', {
      field: 'model',
      value: model,
      mend: 'Use letters, digits, dots, dashes and underscores.',
    });
  const entry = models.get(model);
  if (entry === undefined && models.size >= MODEL_LIMITS.models)
    throw new GanglionError('overloaded', `the registry has room for ${MODEL_LIMITS.models} models`, {
      field: 'model',
      value: model,
    });
  return entry;
}

function entryOf(node: NodeState, model: string): ModelEntry {
  atRoot(node, 'models are registered');
  const entry = node.controls.models.get(model);
  if (entry !== undefined) return entry;
  throw unknownModel(model);
}

export const unknownModel = (model: string): GanglionError =>
  new GanglionError('unknown_model', `there is no model ${model}`, {
    field: 'model',
    value: model,
    mend: 'List them with GET /v1/models, or register a version with POST /v1/models/{model}/versions.',
  });

/** The scope of a kill that stands for a version, if one does. */
function killOf(node: NodeState, model: string, { version, digest }: ModelVersion): string | undefined {
  const scopes = artifactNames(model, version, digest).map((name) => `artifact:${name}`);
  for (const { scope } of node.controls.kills.values()) if (scopes.includes(scope)) return scope;
  return undefined;
}

/** The kill that stands for the bytes of a version, under whichever of the model's names. */
function stopOf(
  node: NodeState,
  model: string,
  version: ModelVersion,
): { readonly scope: string; readonly name: string } | undefined {
  const others = node.controls.models.get(model)?.versions ?? [];
  for (const each of [version, ...others.filter(({ digest }) => digest === version.digest)]) {
    const scope = killOf(node, model, each);
    if (scope !== undefined) return { scope, name: each.version };
  }
  return undefined;
}

function mayServe(node: NodeState, model: string, version: ModelVersion): void {
  const stop = stopOf(node, model, version);
  if (stop === undefined) return;
  const same = stop.name === version.version ? '' : `, which has the digest of ${version.version}`;
  throw new GanglionError('version_conflict', `a kill of ${stop.name} stands${same}`, {
    field: 'version',
    value: version.version,
    mend: `Take it back first, if it is well again: POST /v1/revive with the scope ${stop.scope}.`,
  });
}

/**
 * A point that names a version cannot lose it by a change: nodes would read the name as the champion (`serving`), which
 * nobody declared. A rollback cannot wait for declarations, and asks no more than that. Points that were worse before
 * hold nothing up.
 */
function keepsPoints(
  node: NodeState,
  controls: ControlState,
  model: string,
  least: 'as declared' | 'serving',
): void {
  for (const [point, { spec, generations }] of controls.specs) {
    if (spec === null || modelOf(spec) !== model) continue;
    const compile = (made: PointSpec): unknown => compilePoint(made, node.registry, node.limits, generations);
    const declared = (models: ControlState['models']) => failure(() => compile(running(spec, models)));
    const serves = (models: ControlState['models']) => failure(() => compiledOver(spec, models, compile));
    const before = node.controls.models;
    const lost = declared(controls.models);
    if (lost === undefined) continue;
    const cause = least === 'as declared' && declared(before) === undefined ? lost : serves(controls.models);
    if (cause === undefined || serves(before) !== undefined) continue;
    throw new GanglionError('version_conflict', `${point} could not run any more: ${cause.message}`, {
      field: 'version',
      mend: `Declare ${point} without that name first.`,
      cause,
    });
  }
}

function failure(attempt: () => unknown): Error | undefined {
  try {
    attempt();
    return undefined;
  } catch (cause) {
    return cause as Error;
  }
}

const saying = (digest: string, reason: string | undefined): string =>
  reason === undefined || reason === '' ? digest : `${digest}: ${reason}`;

function statusOf(node: NodeState, model: string): ModelStatus {
  const entry = node.controls.models.get(model) as ModelEntry;
  return {
    model,
    revision: entry.revision,
    champion: championOf(entry).version,
    before: entry.before,
    points: [...node.controls.specs]
      .filter(([, { spec }]) => spec !== null && modelOf(spec) === model)
      .map(([point]) => point)
      .sort(),
    versions: entry.versions.map((each) => ({
      ...each,
      stopped: killOf(node, model, each) !== undefined,
    })),
  };
}
