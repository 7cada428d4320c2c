import { encodeControls } from '../controls/control-codec.ts';
import type { DecisionRecord, RecordSource } from '../decision/decision-record.ts';
import { encodeDecisions } from '../decision/journal.ts';
import { encodeOutcomes } from '../decision/outcome-journal.ts';
import { GanglionError, isGanglionError } from '../errors.ts';
import type { Write } from '../ports.ts';
import { hash32 } from '../stats/hash.ts';
import { originOf, type Slot } from '../sync/slots.ts';
import { unitWrites } from './counted-units.ts';
import { entityWrites, restoreEntities, settleEvents } from './features.ts';
import { abandonFold, type Fold, planFold, settleFold } from './folding.ts';
import { startHeld } from './held-leases.ts';
import { digestOf, jsonBytes, textBytes } from './json-bytes.ts';
import type { OutboxItem } from './outbox.ts';
import { encodeSlot } from './slot-codec.ts';
import { type NodeState, refuse } from './state.ts';

/** What a batch makes true once it is on disk. */
interface Batch {
  readonly writes: Write[];
  readonly slots: {
    readonly slot: Slot;
    readonly version: number;
    readonly sentTo: string;
    readonly bytes: Uint8Array;
    readonly key: string;
  }[];
  readonly bases: string[];
  readonly outbox: OutboxItem[];
  readonly fold: Fold | undefined;
  readonly grants: ReadonlyMap<string, number>;
  readonly entities: ReturnType<typeof entityWrites>;
  readonly controls: { readonly state: NodeState['controls']; readonly digest: string } | undefined;
}

/** Resolves once everything accepted so far is on disk. @throws GanglionError `storage_failed`, `storage_full`, `closed` */
export function durable(node: NodeState): Promise<void> {
  if (node.closed) return Promise.reject(new GanglionError('closed', 'this node has been stopped'));
  return new Promise((resolve, reject) => {
    node.waiters.push({ resolve, reject });
    void flush(node);
  });
}

/**
 * Does it where the disk takes what is written: while it fails, it is tried first, and nothing is done where it fails still.
 * @throws GanglionError what `durable` throws
 */
export const onceWritable = <T>(node: NodeState, act: () => Promise<T>): Promise<T> =>
  node.flushFailures === 0 ? act() : durable(node).then(act);

/** For what people have said and is in force by now: where the disk fails just then, they are told that it stands. */
export async function written(node: NodeState): Promise<void> {
  try {
    await durable(node);
  } catch (cause) {
    if (!isGanglionError(cause) || cause.code === 'closed') throw cause;
    throw new GanglionError(
      cause.code,
      `${cause.message.replace(/\.?$/, '.')} It is in force at ${node.name} all the same, until a restart, and goes to the disk and to the nodes below as soon as the disk takes it`,
      { field: cause.field, mend: cause.mend, cause },
    );
  }
}

/**
 * Writes all that has changed in one atomic batch: decisions before or with their outcomes, outcomes with the evidence
 * they taught. One batch is under way at a time; what comes meanwhile goes into the next (group commit).
 */
export async function flush(node: NodeState): Promise<void> {
  if (node.flushing || !hasWork(node)) return;
  node.flushing = true;
  const waiters = node.waiters;
  node.waiters = [];
  const batch = gather(node);
  try {
    const writes = batch.fold === undefined ? batch.writes : [...batch.writes, ...batch.fold.writes];
    if (writes.length > 0) await node.ports.storage?.commit(writes);
    node.flushFailures = 0;
    node.lastFlushError = '';
    settle(node, batch);
    for (const waiter of waiters) waiter.resolve();
  } catch (cause) {
    restore(node, batch);
    node.flushFailures++;
    node.lastFlushError = cause instanceof Error ? cause.message : String(cause);
    node.nextFlushMs = node.moment.monoMs + Math.min(5000, 50 * 2 ** node.flushFailures);
    const error = isGanglionError(cause)
      ? cause
      : new GanglionError('storage_failed', 'the batch did not reach the disk', {
          cause,
          mend: 'It is kept in memory and tried again.',
        });
    for (const waiter of waiters) waiter.reject(error);
  } finally {
    node.flushing = false;
  }
  if (node.waiters.length > 0) void flush(node);
}

function hasWork(node: NodeState): boolean {
  if (
    node.waiters.length > 0 ||
    node.writes.length > 0 ||
    node.accepted.length > 0 ||
    node.unsaved.length > 0 ||
    node.outboxNew.length > 0 ||
    node.grantsDirty.size > 0 ||
    node.foldDue ||
    node.features.dirty ||
    node.controlsDirty
  )
    return true;
  for (const learner of node.learners.values()) if (learner.dirty.size > 0 || learner.baseDirty) return true;
  return false;
}

function gather(node: NodeState): Batch {
  const fold = planFold(node);
  const units = unitWrites(node);
  const writes = node.writes;
  writes.push(...units);
  node.writes = [];
  const atMs = node.moment.wallMs;
  for (const [prefix, records] of bySource(node.unsaved))
    journalled(node, writes, 'decisions', encodeDecisions(prefix, records), records.length);
  node.unsaved = [];
  if (node.accepted.length > 0)
    journalled(node, writes, 'outcomes', encodeOutcomes(node.accepted), node.accepted.length);
  node.accepted = [];
  const entities = entityWrites(node.features, atMs);
  for (const write of entities.writes) writes.push(write);
  const slots: Batch['slots'] = [];
  const bases: string[] = [];
  for (const [key, learner] of node.learners) {
    for (const origin of learner.dirty) {
      const slot = learner.slots.slots.get(origin);
      if (slot === undefined) {
        writes.push({ kind: 'delete', collection: 'slot', key: `${key}\n${origin}` });
        continue;
      }
      const own = slot.route === '' && learner.slots.evidence !== undefined;
      const bytes = own ? learner.slots.evidence!.encode(slot.evidence) : (slot.received ?? slot.bytes)!;
      // In the same batch as its first version, so that it need not wait for another before it is sent.
      if (slot.sentTo === '') slot.sentTo = parentOrigin(node);
      slots.push({ slot, version: slot.version, sentTo: slot.sentTo, bytes, key });
      writes.push({
        kind: 'put',
        collection: 'slot',
        key: `${key}\n${origin}`,
        value: encodeSlot(slot, slot.version, bytes),
      });
    }
    learner.dirty.clear();
    const { base, evidence } = learner.slots;
    if (learner.baseDirty && base !== undefined && evidence !== undefined) {
      bases.push(key);
      writes.push({ kind: 'put', collection: 'base', key, value: evidence.encode(base.evidence) });
    }
    learner.baseDirty = false;
  }
  const outbox = node.outboxNew;
  node.outboxNew = [];
  for (const item of outbox)
    writes.push({
      kind: 'put',
      collection: 'outbox',
      key: String(item.seq),
      value: jsonBytes({ item: item.item, node: item.node }),
    });
  const grants = new Map<string, number>();
  for (const name of node.grantsDirty) {
    const granted = node.granted.get(name) ?? 0;
    grants.set(name, granted);
    writes.push({ kind: 'put', collection: 'shares', key: name, value: jsonBytes(granted) });
  }
  node.grantsDirty.clear();
  let controls: Batch['controls'];
  if (node.controlsDirty) {
    const text = JSON.stringify(encodeControls(node.controls));
    controls = { state: node.controls, digest: digestOf(text, hash32) };
    writes.push({ kind: 'put', collection: 'controls', key: 'state', value: textBytes(text) });
    node.controlsDirty = false;
  }
  return { writes, slots, bases, outbox, fold, grants, entities, controls };
}

/** What is on its way to the disk counts until it is there, however often it has to be tried. */
function journalled(
  { unwritten, moment }: NodeState,
  writes: Write[],
  journal: 'decisions' | 'outcomes',
  chunk: Uint8Array,
  records: number,
): void {
  unwritten[journal] += records;
  unwritten.bytes += chunk.length;
  writes.push({ kind: 'append', journal, atMs: moment.wallMs, chunk });
}

/** Whether one more decision may wait for the disk. */
export const mayLog = ({ unsaved, unwritten, tuning }: NodeState): boolean =>
  unsaved.length + unwritten.decisions < tuning.unsavedMax && unwritten.bytes < tuning.unsavedBytesMax;

/** Outcomes that wait for the disk. */
export const outcomesWaiting = ({ accepted, unwritten }: NodeState): number =>
  accepted.length + unwritten.outcomes;

function bySource(records: readonly DecisionRecord[]): Map<string, DecisionRecord[]> {
  const groups = new Map<string, DecisionRecord[]>();
  let source: RecordSource | undefined;
  let group: DecisionRecord[] = [];
  for (const record of records) {
    // Most follow one of their source.
    if (record.source !== source) {
      source = record.source;
      group = groups.get(source.idPrefix) ?? [];
      groups.set(source.idPrefix, group);
    }
    group.push(record);
  }
  return groups;
}

/** The parent's process, where one has been heard. */
function parentOrigin(node: NodeState): string {
  const link = node.parent;
  return link === undefined || link.parentIncarnation === ''
    ? ''
    : originOf(link.parentNode, link.parentIncarnation);
}

/** The batch is on disk: its slots may be sent, its controls vouched for, its feedback forwarded. */
function settle(node: NodeState, batch: Batch): void {
  if (batch.fold !== undefined) settleFold(node, batch.fold);
  Object.assign(node.unwritten, { decisions: 0, outcomes: 0, bytes: 0 });
  node.guardsWaiting = false;
  for (const { slot, version, sentTo, bytes, key } of batch.slots) {
    slot.sentToDurable = sentTo;
    slot.bytes = bytes;
    if (slot.received === bytes) slot.received = undefined;
    slot.durableVersion = version;
    const learner = node.learners.get(key);
    if (slot.route === '' && learner !== undefined) learner.slots.revision++;
  }
  settleEvents(node.features);
  for (const item of batch.outbox) item.durable = true;
  for (const [name, granted] of batch.grants) {
    node.durableGrants.set(name, granted);
    const link = node.children.get(node.holders.get(name) ?? '');
    if (link !== undefined) link.urgent = true;
  }
  if (batch.controls === undefined) return;
  node.durableControls = batch.controls.state;
  node.durableDigest = batch.controls.digest;
  startHeld(node);
  for (const tag of node.killTimes.keys())
    if (!node.durableControls.kills.has(tag)) node.killTimes.delete(tag);
  for (const tag of node.durableControls.kills.keys())
    if (!node.killTimes.has(tag)) node.killTimes.set(tag, { durableMs: node.moment.monoMs, acks: new Map() });
}

/** The batch is not on disk: all of it stays to be written. Nothing of it was promised to anybody. */
function restore(node: NodeState, batch: Batch): void {
  if (batch.fold !== undefined) abandonFold(node);
  const journal = batch.writes.filter(
    (write) =>
      write.kind === 'append' ||
      (write.kind === 'put' &&
        !['slot', 'base', 'outbox', 'shares', 'controls', 'entity'].includes(write.collection)) ||
      (write.kind === 'delete' && write.collection !== 'entity'),
  );
  restoreEntities(node.features, batch.entities);
  node.writes = condensed(node, [...journal, ...node.writes]);
  node.outboxNew = [...batch.outbox, ...node.outboxNew];
  for (const { slot, key } of batch.slots) node.learners.get(key)?.dirty.add(slot.origin);
  for (const key of batch.bases) {
    const learner = node.learners.get(key);
    if (learner !== undefined) learner.baseDirty = true;
  }
  for (const name of batch.grants.keys()) node.grantsDirty.add(name);
  if (batch.controls !== undefined) node.controlsDirty = true;
}

/** Most entries of a journal that nobody counts (audit, sources) that wait for a disk which fails. */
const ENTRIES_MAX = 10_000;

/** Of what was written under one key the last counts, so that a disk which fails for days costs no more than one that fails once. */
function condensed(node: NodeState, writes: readonly Write[]): Write[] {
  const last = new Map<string, Write>();
  const entries = new Map<string, number>();
  for (const write of writes) {
    if (write.kind !== 'append') last.set(`${write.collection}\n${write.key}`, write);
    else entries.set(write.journal, (entries.get(write.journal) ?? 0) + 1);
  }
  return writes.filter((write) => {
    if (write.kind !== 'append') return last.get(`${write.collection}\n${write.key}`) === write;
    const { journal } = write;
    const left = entries.get(journal) ?? 0;
    entries.set(journal, left - 1);
    if (left <= ENTRIES_MAX || ['decisions', 'outcomes', 'events'].includes(journal)) return true;
    refuse(node, `${journal}_not_written`);
    return false;
  });
}
