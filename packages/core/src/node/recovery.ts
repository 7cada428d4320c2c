import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import { type ControlState, joinControls } from '../controls/control-state.ts';
import { type CompiledPoint, compilePoint } from '../decision/define.ts';
import { createPointState } from '../decision/point-state.ts';
import { GanglionError, isGanglionError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { StoredEntry } from '../ports.ts';
import { hash32 } from '../stats/hash.ts';
import type { Unbounded } from '../sync/messages.ts';
import { hold, learnerSlots, nodeOf, type Slot } from '../sync/slots.ts';
import { recoverCounted } from './comparing.ts';
import { recoverUnits } from './counted-units.ts';
import { orderEntities, recoverEntity } from './features.ts';
import { recoverVersion } from './folded-versions.ts';
import { retire } from './folding.ts';
import { piecesOf, recoverGuards } from './guards-saved.ts';
import { recoverHeld } from './held-leases.ts';
import { recoverJournals } from './journal-recovery.ts';
import { bytesJson, digestOf } from './json-bytes.ts';
import { recoverChild } from './known-children.ts';
import type { LearnerState } from './learners-held.ts';
import { isStale } from './learning.ts';
import { recoverLooks } from './looks.ts';
import { mixture } from './mixture.ts';
import { recoverOutbox } from './outbox.ts';
import { continues, refreshView, type StoredSource, shareLedgers, syncPoints } from './points.ts';
import { isOut } from './quarantine.ts';
import { followOn, openIncarnation } from './rotation.ts';
import type { Vouched } from './secret.ts';
import { recoverShare } from './shares.ts';
import { decodeSlot } from './slot-codec.ts';
import { type NodeState, refuse } from './state.ts';
import { recoverTaught } from './teaching-late.ts';
import { recoverMonitor, shareMonitors } from './validating.ts';

const JSON_MAX = 64 << 20;

/**
 * Brings back what was durable: controls, slots, bases, feedback in transit, and the decisions whose windows are open
 * with what has been reported of them. A lease never survives a restart.
 * @throws GanglionError `storage_corrupt` naming what could not be read; nothing is changed on disk
 */
export async function recover(node: NodeState): Promise<void> {
  const { storage } = node.ports;
  if (storage === undefined) {
    node.ownOrigins.add(node.origin);
    return;
  }
  const stored = byCollection(await storage.load());
  node.blank = !stored.has('incarnation');
  recoverNames(node, stored);
  recoverTree(node, stored);
  recoverControls(node, stored);
  syncPoints(node);
  each(stored, 'slot', (entry) => recoverSlot(node, entry));
  each(stored, 'base', (entry) => recoverBase(node, entry));
  eachJson(stored, 'outbox', (seq, sent) => {
    const { item, node: target } = sent as { item: { id: string }; node: string };
    recoverOutbox(node, Number(seq), item, target);
  });
  recoverEntities(node, stored);
  recoverPoints(node, stored);
  await recoverJournals(node, storage);
  openIncarnation(node);
  for (const state of node.points.values()) refreshView(node, state);
}

/** What the disk holds, by collection. */
type Stored = ReadonlyMap<string, readonly StoredEntry[]>;

function byCollection(entries: readonly StoredEntry[]): Stored {
  const stored = new Map<string, StoredEntry[]>();
  for (const entry of entries) {
    const group = stored.get(entry.collection);
    if (group === undefined) stored.set(entry.collection, [entry]);
    else group.push(entry);
  }
  return stored;
}

/** @throws GanglionError `storage_corrupt` where an entry is not taken, naming it */
function each(stored: Stored, collection: string, take: (entry: StoredEntry) => void): void {
  for (const entry of stored.get(collection) ?? [])
    try {
      take(entry);
    } catch (cause) {
      throw new GanglionError(
        'storage_corrupt',
        `${collection} ${JSON.stringify(entry.key)} cannot be read`,
        {
          cause,
          field: collection,
          mend: 'Restore the data directory from a backup; nothing was changed.',
        },
      );
    }
}

/** The same, of entries that are JSON. */
function eachJson(stored: Stored, collection: string, take: (key: string, value: unknown) => void): void {
  each(stored, collection, ({ key, value }) => take(key, bytesJson(value, JSON_MAX)));
}

/** Who this node has been, and what is settled of it. */
function recoverNames(node: NodeState, stored: Stored): void {
  each(stored, 'incarnation', (entry) => node.ownOrigins.add(entry.key));
  followOn(node);
  recoverSeal(node, stored);
  eachJson(stored, 'folded', (key, openedMs) => node.folded.set(key, Number(openedMs)));
  eachJson(stored, 'folded-version', (at, kept) => recoverVersion(node, at, kept));
  each(stored, 'retired', (entry) => {
    node.retired.add(entry.key);
    if (entry.value.length > 0) node.inDoubt.add(entry.key);
  });
}

function recoverTree(node: NodeState, stored: Stored): void {
  each(stored, 'child', ({ key, value }) =>
    recoverChild(node, key, value.length === 0 ? undefined : bytesJson(value, JSON_MAX)),
  );
  eachJson(stored, 'held', (key, lease) => recoverHeld(node, key, lease));
  eachJson(stored, 'unbounded', (child, below) => node.unboundedBelow.set(child, below as Unbounded[]));
  eachJson(stored, 'shares', (name, share) => recoverShare(node, name, share));
  eachJson(stored, 'place', (_, path) => {
    if (!node.isRoot && Array.isArray(path) && path.every((name) => typeof name === 'string'))
      node.path = [node.name, ...path];
  });
}

/** Kills that were durable are so from the start. */
function recoverControls(node: NodeState, stored: Stored): void {
  each(stored, 'controls', (entry) => {
    const known = readControls(entry.value, node.limits, () => refuse(node, 'generation_set_right'));
    node.controls = joinControls(node.controls, known);
  });
  node.durableControls = node.controls;
  node.durableDigest = digestOf(JSON.stringify(encodeControls(node.controls)), hash32);
  for (const tag of node.controls.kills.keys())
    node.killTimes.set(tag, { durableMs: node.moment.monoMs, acks: new Map() });
}

function recoverEntities(node: NodeState, stored: Stored): void {
  each(stored, 'entity', (entry) => {
    const gone = recoverEntity(node.features, entry);
    // Whoever is left out may have declared it.
    if (gone !== undefined && node.leftOut.size === 0) node.writes.push(gone);
  });
  orderEntities(node.features);
}

/** What each point had come to, earlier incarnations' included: how far it had counted, and its guards. */
function recoverPoints(node: NodeState, stored: Stored): void {
  each(stored, 'source', (entry) => recoverSource(node, entry));
  eachJson(stored, 'counted', (prefix, json) => recoverCounted(node, prefix, json));
  eachJson(stored, 'taught', (prefix, taught) => recoverTaught(node, prefix, taught));
  each(stored, 'looks', (entry) => recoverLooks(node, entry.key, entry.value));
  each(stored, 'units', (entry) => recoverUnits(node, entry.key, entry.value));
  const pieces = piecesOf(node, stored.get('guard-piece'));
  each(stored, 'guards', (entry) => recoverGuards(node, entry, pieces));
  // What several points count into is one state again.
  for (const state of node.points.values()) shareLedgers(node, state);
  eachJson(stored, 'validation', (key, monitor) => recoverMonitor(node, key, monitor));
  shareMonitors(node);
}

/**
 * What a start would make of the controls that a store holds: the fields that it would set right.
 * @throws GanglionError `undecodable`, naming the field for which it would not start
 */
export function checkStoredControls(value: Uint8Array, limits: Limits): readonly string[] {
  const fields: string[] = [];
  readControls(value, limits, (field) => fields.push(field));
  return fields;
}

/** What is on the own disk is read, however much it is: it was refused when it was said, or it is here. */
const readControls = (value: Uint8Array, limits: Limits, mended: (field: string) => void): ControlState =>
  decodeControls(bytesJson(value, JSON_MAX), limits, { most: Number.POSITIVE_INFINITY, mended });

/** The secret of this node's seal is that of its first start, and in every backup since. */
function recoverSeal(node: NodeState, stored: Stored): void {
  each(stored, 'seal', (entry) => {
    node.secret = entry.value.slice();
  });
  if (!stored.has('seal'))
    node.writes.push({ kind: 'put', collection: 'seal', key: 'secret', value: node.secret });
  eachJson(stored, 'vouched', (_, words) => {
    // One alone was kept as such before there could be several.
    const kept = [words].flat() as readonly Omit<Vouched, 'forgotten'>[];
    node.vouched = kept.map(({ parent, controls, seal }) => ({ parent, controls, seal, forgotten: false }));
  });
}

function recoverSlot(node: NodeState, entry: StoredEntry): void {
  const line = entry.key.indexOf('\n');
  const key = entry.key.slice(0, line);
  const origin = entry.key.slice(line + 1);
  // Of a learner before its reset: what the process before this one had no time to delete.
  if (isStale(node, key)) {
    node.writes.push({ kind: 'delete', collection: entry.collection, key: entry.key });
    return;
  }
  const stored = decodeSlot(entry.value, node.limits.evidenceBytes);
  let learner = node.learners.get(key);
  if (learner === undefined) {
    learner = {
      slots: learnerSlots(key, undefined),
      others: mixture(undefined),
      dirty: new Set(),
      baseDirty: false,
      guest: stored.route === '' ? '' : nodeOf(stored.route),
    };
    node.learners.set(key, learner);
  }
  const { evidence } = learner.slots;
  const value = understood(node, entry, evidence, stored);
  if (evidence !== undefined && value === undefined) return;
  const slot: Slot = {
    ...stored,
    origin,
    node: nodeOf(origin),
    toldOut: false,
    durableVersion: stored.version,
    received: undefined,
    sentToDurable: stored.sentTo,
    evidence: value,
    quarantined: isOut(node, { ...stored, node: nodeOf(origin) }),
    listedIn: 0,
    ackedVersion: 0,
    ackedIn: 0,
    claims: 0,
  };
  learner.slots.revision++;
  hold(learner.slots, slot);
}

/**
 * Evidence that cannot be read is no reason not to start. A child sends its own again; what this node or its parent has made
 * is set aside, byte for byte, for whoever can tell what it was.
 */
function understood(
  node: NodeState,
  entry: StoredEntry,
  evidence: LearnerState['slots']['evidence'],
  { bytes, route }: { readonly bytes: Uint8Array; readonly route: string },
): unknown {
  try {
    return evidence?.decode(bytes, node.limits);
  } catch {
    if (route === '') {
      setAside(node, entry);
      // What it was taught cannot be taken back from nothing; what comes later goes where it can be added.
      const [key, origin] = entry.key.split('\n');
      if (origin !== undefined) node.writes.push(retire(node, key, origin));
    } else {
      refuse(node, 'undecodable_evidence');
      node.writes.push({ kind: 'delete', collection: entry.collection, key: entry.key });
    }
    return undefined;
  }
}

/** The parent says it again. */
function recoverBase(node: NodeState, entry: StoredEntry): void {
  const learner = node.learners.get(entry.key);
  if (learner?.slots.evidence === undefined) return;
  const evidence = understood(node, entry, learner.slots.evidence, { bytes: entry.value, route: '' });
  if (evidence !== undefined) learner.slots.base = { evidence, revision: -1, asOf: 0 };
}

/** Under the time of the start: another of the same key does not take the place of the first. */
function setAside(node: NodeState, { collection, key, value }: StoredEntry): void {
  refuse(node, 'evidence_set_aside');
  const aside = `${collection}\n${key}\n${node.moment.wallMs}`;
  node.writes.push({ kind: 'put', collection: 'aside', key: aside, value: value.slice() });
  node.writes.push({ kind: 'delete', collection, key });
}

/**
 * An earlier incarnation's decisions of one spec version. Its spec is compiled as it was then. Where that is beyond what this
 * version knows or these limits allow, it stays on the disk as it is, and what was decided under it awaits nothing here.
 */
function recoverSource(node: NodeState, entry: StoredEntry): void {
  const stored = bytesJson(entry.value, JSON_MAX) as StoredSource;
  const [, incarnation, pointNumber] = entry.key.split('~');
  const compiled = compiledThen(node, stored);
  if (compiled === undefined) return;
  const state = createPointState(compiled, stored.version, stored.learnerKey, {
    node: node.name,
    tier: node.tier,
    path: node.path,
    incarnation,
    pointNumber: Number.parseInt(pointNumber, 36),
    seed: [0, 0],
  });
  const current = node.points.get(compiled.name);
  if (current !== undefined && continues(current, state)) state.episodes = current.episodes;
  // Nothing of it is in flight any more, but what is told of it is told now.
  state.successor = current;
  node.joins.set(entry.key, state);
}

function compiledThen(node: NodeState, { spec, generations }: StoredSource): CompiledPoint | undefined {
  try {
    return compilePoint(spec, node.registry, node.limits, generations, node.ports.kernels);
  } catch (error) {
    if (!isGanglionError(error)) throw error;
    refuse(node, 'source_not_understood');
    return undefined;
  }
}
