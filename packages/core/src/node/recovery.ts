import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import { type ControlState, joinControls } from '../controls/control-state.ts';
import {
  COUNTED,
  DEFAULTED,
  type DecisionRecord,
  EXPIRED,
  EXPOSED,
  FAILED,
  OWED,
  RELEASED,
  SETTLED,
  TRAINED,
  WITHHELD,
} from '../decision/decision-record.ts';
import { type CompiledPoint, compilePoint } from '../decision/define.ts';
import { end, recall } from '../decision/episodes.ts';
import { decodeEvents } from '../decision/event-journal.ts';
import { learnsLate } from '../decision/forecast.ts';
import { chunkPrefix, decodeDecisions } from '../decision/journal.ts';
import { failedBy, rewardOf, setTruth } from '../decision/outcome.ts';
import { decodeOutcomes, type OutcomeEntry } from '../decision/outcome-journal.ts';
import { find, keep } from '../decision/pending.ts';
import { createPointState, type PointState } from '../decision/point-state.ts';
import { stick, sticks } from '../decision/stick.ts';
import { GanglionError, isGanglionError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Storage, StoredEntry } from '../ports.ts';
import { hash32 } from '../stats/hash.ts';
import type { AuditEntry } from '../status.ts';
import type { Unbounded } from '../sync/messages.ts';
import { hold, learnerSlots, nodeOf, type Slot } from '../sync/slots.ts';
import { AUDIT_KEPT } from './audit.ts';
import { recoverUnits } from './counted-units.ts';
import { orderEntities, recoverEntity } from './features.ts';
import { retire } from './folding.ts';
import { recoverHeld } from './held-leases.ts';
import { remember } from './ingest.ts';
import { bytesJson, digestOf } from './json-bytes.ts';
import { recoverChild } from './known-children.ts';
import type { LearnerState } from './learners-held.ts';
import { isStale } from './learning.ts';
import { recoverLooks } from './looks.ts';
import { mixture } from './mixture.ts';
import { recoverOutbox } from './outbox.ts';
import { continues, ledgerKey, refreshView, type StoredSource, shareLedgers, syncPoints } from './points.ts';
import { isOut } from './quarantine.ts';
import { followOn, openIncarnation } from './rotation.ts';
import type { Vouched } from './secret.ts';
import { recoverShare } from './shares.ts';
import { decodeSlot } from './slot-codec.ts';
import { type NodeState, refuse } from './state.ts';
import { closeOverdue, isOverdue, isUntaught, oldestUntaughtMs, recoverTaught } from './teaching-late.ts';
import { recoverMonitor, shareMonitors } from './validating.ts';

const JSON_MAX = 64 << 20;
const CHUNKS_A_SCAN = 256;
/** Clocks may have been set a little meanwhile. */
const SLACK_MS = 60_000;

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
  const byCollection = new Map<string, StoredEntry[]>();
  for (const entry of await storage.load()) {
    const group = byCollection.get(entry.collection);
    if (group === undefined) byCollection.set(entry.collection, [entry]);
    else group.push(entry);
  }
  const each = (collection: string, take: (entry: StoredEntry) => void): void => {
    for (const entry of byCollection.get(collection) ?? [])
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
  };
  node.blank = !byCollection.has('incarnation');
  each('incarnation', (entry) => node.ownOrigins.add(entry.key));
  followOn(node);
  recoverSeal(node, each);
  each('folded', (entry) => node.folded.set(entry.key, Number(bytesJson(entry.value, JSON_MAX))));
  each('retired', (entry) => {
    node.retired.add(entry.key);
    if (entry.value.length > 0) node.inDoubt.add(entry.key);
  });
  each('child', (entry) =>
    recoverChild(node, entry.key, entry.value.length === 0 ? undefined : bytesJson(entry.value, JSON_MAX)),
  );
  each('held', (entry) => recoverHeld(node, entry.key, bytesJson(entry.value, JSON_MAX)));
  each('unbounded', (entry) =>
    node.unboundedBelow.set(entry.key, bytesJson(entry.value, JSON_MAX) as Unbounded[]),
  );
  each('shares', (entry) => recoverShare(node, entry.key, bytesJson(entry.value, JSON_MAX)));
  each('place', (entry) => {
    const path = bytesJson(entry.value, JSON_MAX);
    if (!node.isRoot && Array.isArray(path) && path.every((name) => typeof name === 'string'))
      node.path = [node.name, ...path];
  });
  each('controls', (entry) => {
    const stored = readControls(entry.value, node.limits, () => refuse(node, 'generation_set_right'));
    node.controls = joinControls(node.controls, stored);
  });
  node.durableControls = node.controls;
  node.durableDigest = digestOf(JSON.stringify(encodeControls(node.controls)), hash32);
  for (const tag of node.controls.kills.keys())
    node.killTimes.set(tag, { durableMs: node.moment.monoMs, acks: new Map() });
  syncPoints(node);
  each('slot', (entry) => recoverSlot(node, entry));
  each('base', (entry) => recoverBase(node, entry));
  each('outbox', (entry) => {
    const { item, node: target } = bytesJson(entry.value, JSON_MAX) as { item: { id: string }; node: string };
    recoverOutbox(node, Number(entry.key), item, target);
  });
  each('entity', (entry) => {
    const gone = recoverEntity(node.features, entry);
    // Whoever is left out may have declared it.
    if (gone !== undefined && node.leftOut.size === 0) node.writes.push(gone);
  });
  orderEntities(node.features);
  each('source', (entry) => recoverSource(node, entry));
  each('counted', (entry) => {
    const n = bytesJson(entry.value, JSON_MAX);
    if (Number.isSafeInteger(n)) node.countedTo.set(entry.key, n as number);
  });
  each('taught', (entry) => recoverTaught(node, entry.key, bytesJson(entry.value, JSON_MAX)));
  each('looks', (entry) => recoverLooks(node, entry.key, entry.value));
  each('units', (entry) => recoverUnits(node, entry.key, entry.value));
  each('guards', (entry) => recoverGuards(node, entry));
  // What several points count into is one state again.
  for (const state of node.points.values()) shareLedgers(node, state);
  each('validation', (entry) => recoverMonitor(node, entry.key, bytesJson(entry.value, JSON_MAX)));
  shareMonitors(node);
  await recoverJournals(node, storage);
  openIncarnation(node);
  for (const state of node.points.values()) refreshView(node, state);
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
function recoverSeal(
  node: NodeState,
  each: (collection: string, take: (entry: StoredEntry) => void) => void,
): void {
  let stored = false;
  each('seal', (entry) => {
    node.secret = entry.value.slice();
    stored = true;
  });
  if (!stored) node.writes.push({ kind: 'put', collection: 'seal', key: 'secret', value: node.secret });
  each('vouched', (entry) => {
    // One alone was kept as such before there could be several.
    const kept = [bytesJson(entry.value, JSON_MAX)].flat() as readonly Omit<Vouched, 'forgotten'>[];
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

function recoverGuards(node: NodeState, entry: StoredEntry): void {
  const state = node.points.get(entry.key);
  if (state === undefined) return;
  const stored = bytesJson(entry.value, JSON_MAX) as {
    specVersion: number;
    arms?: readonly string[];
    guards: (null | never)[];
  };
  if (stored.specVersion !== state.source.specVersion) return;
  // The versions of a model may have changed since.
  if (stored.arms !== undefined && stored.arms.join() !== state.source.armKeys.join()) return;
  state.compiled.guards.forEach(({ guard }, i) => {
    const snapshot = stored.guards[i];
    if (snapshot === null || snapshot === undefined || guard.restore === undefined) return;
    try {
      state.guards[i] = guard.restore(snapshot, state.compiled.arms.length);
      const ledger = ledgerKey(state, guard);
      if (ledger !== undefined) node.ledgers.set(ledger, state.guards[i]);
    } catch {
      refuse(node, 'guard_state_not_understood'); // other options than when it was saved: it starts afresh
    }
  });
}

async function recoverJournals(node: NodeState, storage: Storage): Promise<void> {
  let longest = 0;
  for (const { compiled } of node.joins.values())
    longest = Math.max(longest, compiled.keptMs, compiled.stickyMs);
  const sinceMs = Math.min(node.moment.wallMs - longest, oldestUntaughtMs(node)) - SLACK_MS;
  const offset = node.moment.monoMs - node.moment.wallMs;
  await scanAll(storage, 'decisions', sinceMs, (chunk) => {
    const state = node.joins.get(chunkPrefix(chunk));
    if (state === undefined) return;
    for (const record of decodeDecisions(chunk, state.source, offset)) recoverDecision(node, state, record);
  });
  await scanAll(storage, 'outcomes', sinceMs, (chunk) => {
    for (const entry of decodeOutcomes(chunk)) recoverOutcome(node, entry);
  });
  for (const state of node.joins.values()) closeOverdue(node, state);
  // What was ingested lately is known when it is sent again.
  await scanAll(storage, 'events', node.moment.wallMs - node.tuning.eventIdsMs, (chunk) => {
    for (const { domain, source, id } of decodeEvents(chunk)) remember(node, `${domain}\n${source}\n${id}`);
  });
  // Who did what is asked after a restart above all.
  await scanAll(storage, 'audit', 0, (chunk) => {
    const entry = bytesJson(chunk, JSON_MAX) as AuditEntry;
    node.audit.push(entry);
    if (node.audit.length > AUDIT_KEPT) node.audit.shift();
    node.auditSeq = Math.max(node.auditSeq, entry.seq);
  });
}

/** Chunk by chunk, in one turn for each scan: a start waits for the disk, and not once more for every chunk of it. */
async function scanAll(
  storage: Storage,
  journal: string,
  sinceMs: number,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let position = -1;
  for (;;) {
    const chunks = await storage.scan(journal, sinceMs, position, CHUNKS_A_SCAN);
    for (const { chunk } of chunks) take(chunk);
    if (chunks.length < CHUNKS_A_SCAN) return;
    position = chunks[chunks.length - 1].position;
  }
}

function recoverDecision(node: NodeState, state: PointState, record: DecisionRecord): void {
  const { compiled } = state;
  state.n = Math.max(state.n, record.n + 1);
  if (compiled.explicitExposure) record.state &= ~EXPOSED;
  const ageMs = node.moment.monoMs - record.monoMs;
  if (
    ageMs <= compiled.stickyMs + SLACK_MS &&
    compiled.stickyMs > 0 &&
    sticks(record.reason) &&
    record.unit !== '' &&
    record.armIndex >= 0
  ) {
    const current = node.points.get(compiled.name);
    if (current !== undefined) stick(current, record, compiled.stickyMs);
  }
  const overdue = isOverdue(node, state, record);
  if (overdue && !isUntaught(node, state, record)) return;
  const { weight } = record;
  // What was in flight when the process ended is so no longer, as far as anybody here can know.
  record.state |= RELEASED;
  // Experiments count at one age: not what was left behind by a stop.
  if (overdue || record.n < (node.countedTo.get(state.source.idPrefix) ?? 0)) record.state |= COUNTED;
  state.counters.awaiting++;
  keep(state.pending, record, (dropped) => {
    if ((dropped.state & SETTLED) === 0) state.counters.awaiting--;
  });
  record.weight = Math.max(record.weight, weight);
  const current = node.points.get(compiled.name);
  if (!overdue && current?.episodes !== undefined && current.episodes === state.episodes)
    recall(current, record, node.moment.monoMs);
}

/** The evidence on disk has this outcome already, for both were in one batch: only what is known of the decision returns. */
function recoverOutcome(node: NodeState, entry: OutcomeEntry): void {
  const state = node.joins.get(entry.prefix);
  const record = state === undefined ? undefined : find(state.pending, entry.n);
  if (state === undefined || record === undefined) return;
  if (entry.kind === 'withheld') {
    record.state |= WITHHELD;
    return;
  }
  if (entry.kind === 'expired') {
    if ((record.state & SETTLED) === 0) state.counters.awaiting--;
    record.state |= SETTLED | EXPIRED;
    return;
  }
  record.state |= EXPOSED;
  if (entry.kind === 'exposed') return;
  if (entry.truth !== undefined) setTruth(record, entry.truth, entry.revision);
  const metrics = (record.metrics ??= Object.create(null) as Record<string, number>);
  const revisions = (record.revisions ??= Object.create(null) as Record<string, number>);
  for (const name in entry.metrics) {
    if (entry.kind === 'default') {
      metrics[name] ??= entry.metrics[name];
      continue;
    }
    if (revisions[name] !== undefined && revisions[name] >= entry.revision) continue;
    if (name === 'truth') record.truth = undefined;
    metrics[name] = entry.metrics[name];
    revisions[name] = entry.revision;
  }
  end(state, record);
  // The guards' own states are kept apart: one that may have heard of it does not hear of it again.
  if (failedBy(metrics) === true) record.state |= FAILED;
  const before = record.state & SETTLED;
  if (entry.kind === 'default') record.state |= DEFAULTED | SETTLED;
  const reward = rewardOf(state, metrics);
  if (!Number.isNaN(reward) && (record.state & EXPIRED) === 0) {
    record.state |= SETTLED;
    if (record.trains) record.state |= learnsLate(state, record) ? OWED : TRAINED;
    record.trainedReward = reward;
    record.trainedMetrics = metrics;
  }
  if ((record.state & SETTLED) !== before) state.counters.awaiting--;
}
