import { NAMES_MAX } from './controls/control-codec.ts';
import { type SpecVersion, withReset, withSpec } from './controls/control-state.ts';
import { checkPlain } from './controls/plain.ts';
import { checkGuards } from './decision/check-guards.ts';
import { type CompiledPoint, compilePoint } from './decision/define.ts';
import { sorted } from './decision/sorted.ts';
import { declaredArms, type PointSpec } from './decision/spec.ts';
import { modelOf, running } from './decision/versions.ts';
import { GanglionError } from './errors.ts';
import { DEFAULT_LIMITS, NAME_PATTERN } from './limits.ts';
import { controlling, structuredCopy } from './node/actions.ts';
import { announceDue, announceSelf } from './node/announcing.ts';
import { dropAsks, expireAsks } from './node/asking.ts';
import { record } from './node/audit.ts';
import { atRoot, authorise, reasonOf } from './node/authority.ts';
import { pumpChildren, receiveUp } from './node/child-link.ts';
import { controlsStatus } from './node/control-report.ts';
import { checkRoom } from './node/control-room.ts';
import { changeControls } from './node/controls.ts';
import { durable, flush, onceWritable, written } from './node/durability.ts';
import { sweepFeatures } from './node/features.ts';
import { foldWhenDue } from './node/folding.ts';
import { saveGuards } from './node/guards-saved.ts';
import { forgetLearners } from './node/guests.ts';
import { forgetHeld } from './node/held-leases.ts';
import { expireAll } from './node/intake.ts';
import { forgetChildren } from './node/known-children.ts';
import { parentLink } from './node/links.ts';
import { subtreeReport } from './node/merge.ts';
import { modelRegistry } from './node/models.ts';
import { owesParent } from './node/owed-up.ts';
import { pumpParent, receiveDown } from './node/parent-link.ts';
import { refreshPoints } from './node/points.ts';
import { recover } from './node/recovery.ts';
import { pointReport } from './node/report.ts';
import { reweighed } from './node/reweigh.ts';
import { stepRollouts } from './node/rollouts.ts';
import { endSilent } from './node/sequences.ts';
import { createState, type NodeOptions, type NodeState, readClocks } from './node/state.ts';
import { knownNodes, knownReports } from './node/telemetry.ts';
import { trimWhenDue } from './node/trimming.ts';
import { DEFAULT_TUNING } from './node/tuning.ts';
import { unknownPoint } from './node/unknown-point.ts';
import { using } from './node/using.ts';

import type { Actor, GanglionNode } from './node-api.ts';
import type { DownMessage, UpMessage } from './sync/messages.ts';

export type { StoredEvent } from './decision/event-journal.ts';
export type { FeatureReplay, SeenFeatures } from './node/feature-replay.ts';
export { featureReplay, readEvents } from './node/feature-replay.ts';
export type { LoggedDecision, LoggedFeature, ReadLog, ReadLogOptions } from './node/log-reader.ts';
export { readLog } from './node/log-reader.ts';
export { checkStoredControls } from './node/recovery.ts';
export type { NodeOptions } from './node/state.ts';
export type { NodeTuning } from './node/tuning.ts';

/** A node with the handles its host drives it by: the core has no timers and no sockets of its own. */
export interface HostedNode extends GanglionNode {
  /** Does what is due: expiries, views, messages, disk. Cheap when nothing is; call it every 5 to 20 ms. */
  tick(): void;
  /** Connects upward. `send` carries messages to the parent; give what comes back to `receive`. */
  connectParent(send: (message: UpMessage) => void): { receive(message: DownMessage): void };
  /** A message from a child, with the way to answer it. */
  receiveUp(message: UpMessage, send: (message: DownMessage) => void): void;
  /**
   * Whether the parent has yet to acknowledge evidence, feedback or controls that were accepted here: a host that is about
   * to close may tick on until it has. False at a root, and where no parent was ever connected.
   */
  owesParent(): boolean;
  /** For `decideAsync`: resolves after this many ms. Set by the host. */
  readonly state: NodeState;
}

/** What the host adds to the ports. */
export interface HostOptions extends NodeOptions {
  /** Resolves after `ms`; for the deadline of `decideAsync`. Without it, decisions do not wait for a parent. */
  readonly timeout?: (ms: number) => Promise<void>;
}

/**
 * Starts a node: recovers what its storage holds, opens a new incarnation, and returns it ready to decide.
 * @throws GanglionError `storage_corrupt`, `storage_failed`, `invalid_input`
 */
export async function createNode(options: HostOptions): Promise<HostedNode> {
  if (typeof options.name !== 'string' || !NAME_PATTERN.test(options.name))
    throw new GanglionError('invalid_input', 'name is not a name', {
      field: 'name',
      value: options.name,
      mend: 'Use letters, digits, dots, dashes and underscores.',
    });
  if (typeof options.registry !== 'object' || options.registry === null)
    throw new GanglionError('invalid_input', 'registry is missing', {
      field: 'registry',
      value: options.registry,
      mend: 'Give the families this node is to know: `standard` of @ganglion/core/presets, or less.',
    });
  const node = createState(
    options,
    { ...DEFAULT_LIMITS, ...options.limits },
    { ...DEFAULT_TUNING, ...options.tuning },
  );
  node.timeout = options.timeout;
  await recover(node);
  return {
    name: node.name,
    tier: node.tier,
    get incarnation() {
      return node.incarnation;
    },
    state: node,
    ...points(node),
    ...using(node, options.timeout),
    ...controlling(node),
    models: modelRegistry(node),
    ...reporting(node),
    ...hosting(node),
  };
}

/** Declares a point, or replaces it; `said` beside the version in the audit, `check` what is asked of it beyond being readable. */
async function declare(
  node: NodeState,
  spec: PointSpec,
  by: Actor,
  action: string,
  said: string,
  check: (compiled: CompiledPoint) => void = () => {},
): Promise<{ version: number; changed: boolean }> {
  authorise(node, by);
  atRoot(node, 'points are declared');
  checkPlain(spec, '');
  const compiled = compilePoint(running(spec, node.controls.models), node.registry, node.limits);
  const before = node.controls.specs.get(compiled.name);
  if (
    before !== undefined &&
    before.spec !== null &&
    JSON.stringify(sorted(before.spec)) === JSON.stringify(sorted(spec))
  ) {
    if (before !== node.durableControls.specs.get(compiled.name)) await written(node);
    return { version: before.version, changed: false };
  }
  // Not of one that stands already: who declares the same at every start must not fail to start.
  check(compiled);
  if ((before === undefined || before.spec === null) && !hasRoom(node))
    throw new GanglionError('overloaded', `there are ${node.limits.points} points already`, {
      mend: 'Delete some, or raise the limit.',
    });
  const version = (before?.version ?? 0) + 1;
  const generations = generationsAfter(before, modelOf(spec) === undefined ? compiled.armIds : []);
  const next = { version, node: node.name, spec: structuredCopy(spec), generations };
  const controls = withSpec(node.controls, compiled.name, next);
  checkRoom(node, controls, 'declarations', { field: 'point', value: compiled.name });
  changeControls(node, controls);
  record(node, by, action, compiled.name, said === '' ? `version ${version}` : `version ${version}: ${said}`);
  await written(node);
  return { version, changed: true };
}

/** An arm that comes back after it was away starts anew, under a new generation. Arms may be named as what objects inherit. */
function generationsAfter(
  before: SpecVersion | undefined,
  arms: readonly string[],
): SpecVersion['generations'] {
  const generations: Record<string, number> = Object.assign(Object.create(null), before?.generations);
  const had = new Set(
    before?.spec === null || before === undefined
      ? []
      : declaredArms(before.spec).map((arm) => (typeof arm === 'string' ? arm : arm.id)),
  );
  for (const arm of arms)
    if (!had.has(arm)) generations[arm] = Object.hasOwn(generations, arm) ? generations[arm] + 1 : 0;
  return generations;
}

function points(node: NodeState): Pick<GanglionNode, 'apply' | 'reweigh' | 'remove' | 'points' | 'point'> {
  const get = (name: string) => {
    const declared = node.controls.specs.get(name);
    return declared === undefined || declared.spec === null
      ? undefined
      : { spec: declared.spec, version: declared.version };
  };
  return {
    apply: (spec: PointSpec, by: Actor) =>
      onceWritable(node, () => declare(node, spec, by, 'point.apply', '', checkGuards)),
    reweigh: (request) => onceWritable(node, () => reweigh(node, request)),
    remove: (point, by, reason = '') => onceWritable(node, () => remove(node, point, by, reason)),
    points: () => [...node.controls.specs.keys()].map(get).filter((point) => point !== undefined),
    point: get,
  };
}

async function reweigh(
  node: NodeState,
  { point, weights, reason, by }: Parameters<GanglionNode['reweigh']>[0],
): ReturnType<GanglionNode['reweigh']> {
  authorise(node, by);
  atRoot(node, 'weights are set');
  const spec = node.controls.specs.get(point)?.spec;
  if (spec === undefined || spec === null) throw unknownPoint(node, point);
  const after = reweighed(spec, weights);
  const keyBefore = node.points.get(point)?.learnerKey;
  const said = `${after.changes.join(', ')}: ${reasonOf(reason)}`;
  const applied = await declare(node, after.spec, by, 'point.reweigh', said);
  return { ...applied, forgets: node.points.get(point)?.learnerKey !== keyBefore };
}

async function remove(node: NodeState, point: string, by: Actor, reason: string): Promise<void> {
  authorise(node, by);
  atRoot(node, 'points are deleted');
  const before = node.controls.specs.get(point);
  if (before === undefined || before.spec === null) throw unknownPoint(node, point);
  const gone = withSpec(node.controls, point, {
    ...before,
    version: before.version + 1,
    node: node.name,
    spec: null,
  });
  // With what it learned: declared again, it starts afresh.
  changeControls(node, withReset(gone, point));
  record(node, by, 'point.delete', point, reason);
  await written(node);
}

/** Deleted points leave room for others; their names stay known, up to a bound far above the points. */
function hasRoom(node: NodeState): boolean {
  const { specs } = node.controls;
  if (specs.size >= NAMES_MAX) return false;
  if (specs.size < node.limits.points) return true;
  let living = 0;
  for (const { spec } of specs.values()) if (spec !== null) living++;
  return living < node.limits.points;
}

function reporting(
  node: NodeState,
): Pick<GanglionNode, 'report' | 'nodes' | 'reports' | 'controls' | 'audit' | 'subscribe'> {
  return {
    report: (point, scope = 'subtree') => {
      readClocks(node);
      return scope === 'self' ? pointReport(node, point) : subtreeReport(node, point);
    },
    nodes: () => {
      readClocks(node);
      return knownNodes(node);
    },
    reports: (point) => knownReports(node, point),
    controls: () => {
      readClocks(node);
      return controlsStatus(node);
    },
    audit: (limit = 100) => node.audit.slice(-limit).reverse(),
    subscribe(listener) {
      node.listeners.add(listener);
      return () => node.listeners.delete(listener);
    },
  };
}

function hosting(
  node: NodeState,
): Pick<HostedNode, 'tick' | 'connectParent' | 'receiveUp' | 'owesParent' | 'close'> {
  return {
    tick: () => tick(node),
    connectParent(send) {
      if (node.isRoot) throw new GanglionError('invalid_input', 'a root has no parent', { field: 'root' });
      const link = parentLink(send, ++node.connections);
      dropAsks(node.parent);
      node.parent = link;
      // What an earlier connection still delivers is late.
      return { receive: (message) => (node.parent === link ? receiveDown(node, message) : undefined) };
    },
    receiveUp: (message, send) => receiveUp(node, message, send),
    owesParent: () => owesParent(node),
    async close() {
      if (node.closed) return;
      try {
        await durable(node);
      } finally {
        node.closed = true;
        node.listeners.clear();
        await node.ports.storage?.close();
      }
    },
  };
}

const RATES_EVERY_MS = 1000;
const GUARDS_EVERY_MS = 5000;
const FLUSH_EVERY_MS = 50;

function tick(node: NodeState): void {
  if (node.closed) return;
  const { moment } = node;
  readClocks(node);
  endSilent(node);
  expireAll(node);
  expireAsks(node);
  foldWhenDue(node);
  forgetLearners(node);
  sweepFeatures(node.features, moment.wallMs);
  trimWhenDue(node);
  refreshPoints(node);
  stepRollouts(node);
  if (moment.monoMs - node.counters.lastMs >= RATES_EVERY_MS) {
    measureRates(node);
    announceSelf(node);
    forgetHeld(node);
    forgetChildren(node);
  }
  announceDue(node);
  if (node.ports.storage !== undefined && moment.monoMs - node.guardsSavedMs >= GUARDS_EVERY_MS)
    saveGuards(node);
  if (moment.monoMs >= node.nextFlushMs) {
    // What somebody waits for is written at once; the rest, decisions above all, in batches.
    node.nextFlushMs = moment.monoMs + FLUSH_EVERY_MS;
    void flush(node);
  }
  pumpParent(node);
  pumpChildren(node);
}

function measureRates(node: NodeState): void {
  const { counters, moment } = node;
  const seconds = (moment.monoMs - counters.lastMs) / 1000;
  counters.rate = (counters.decisions - counters.lastDecisions) / seconds;
  counters.lastDecisions = counters.decisions;
  counters.lastMs = moment.monoMs;
  for (const [point, state] of node.points) {
    const { decisions, decisionsByArm } = state.counters;
    const before = node.pointRates.get(point);
    const same = before !== undefined && before.lastByArm.length === decisionsByArm.length;
    const fade = 2 ** (-seconds / RECENT_HALF_LIFE_S);
    node.pointRates.set(point, {
      last: decisions,
      rate: before === undefined ? 0 : Math.max(0, decisions - before.last) / seconds,
      lastByArm: decisionsByArm.slice(),
      recentByArm: decisionsByArm.map((n, i) =>
        same ? before.recentByArm[i] * fade + n - before.lastByArm[i] : 0,
      ),
    });
  }
}

const RECENT_HALF_LIFE_S = 30;
