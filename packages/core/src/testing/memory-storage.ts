/**
 * Storage in memory, split as in life: a *disk* that outlives processes, and the `Storage` one process has open on
 * it. The simulator crashes the process, makes the disk fail, fill up or lie, puts an old image back, or copies it.
 *
 * Everything is synchronous inside. When an operation takes effect, and when its promise settles, is decided by the
 * scheduler that is supplied, so virtual time controls latency and a run is a function of its seed.
 */

import { GanglionError } from '../errors.ts';
import type { Chance, Storage, StoredChunk, StoredEntry, Write } from '../ports.ts';

/** What is scheduled: an operation taking effect, or (`acknowledge`) its answer reaching the caller. */
export type StorageStep = 'load' | 'scan' | 'commit' | 'trim' | 'close' | 'acknowledge';

/** Faults, as probabilities from 0 to 1 for one operation. They may be changed at any time. */
export interface DiskFaults {
  /** A commit is refused with `storage_failed`, and nothing of it is there. */
  commitFails: number;
  /** A commit is refused with `storage_full`, and nothing of it is there. */
  full: number;
  /** A commit is acknowledged though it only reached a cache that a crash may empty. */
  lies: number;
  /** `load` or `scan` is refused with `storage_failed`. */
  readFails: number;
  /** `load` and `scan` are refused with `storage_corrupt`. */
  corrupt: boolean;
}

export interface MemoryDiskOptions {
  /** Runs `run` later, or now; each `run` once, in any order across disks. Default: in a microtask. */
  readonly schedule?: ((run: () => void, step: StorageStep) => void) | undefined;
  /** Needed by fault probabilities between 0 and 1, and to choose how much of a lying cache is lost. */
  readonly chance?: Chance | undefined;
  readonly faults?: Partial<DiskFaults> | undefined;
  /** Beyond this many bytes a commit that grows the store is refused with `storage_full`. Default: no bound. */
  readonly capacityBytes?: number | undefined;
}

/** What a crash cost, in commits. */
export interface CrashReport {
  /** Issued, never acknowledged, and gone. */
  readonly unacknowledged: number;
  /** Never acknowledged, but durable: the answer was lost, not the commit. */
  readonly unheard: number;
  /** Acknowledged and gone, because the disk lied. Zero for an honest disk, always. */
  readonly lied: number;
}

/** An image of a disk at one moment. Plain data; give it to `restore` or to another disk's. */
export interface DiskSnapshot {
  readonly entries: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  readonly journals: ReadonlyMap<string, readonly StoredChunk[]>;
  readonly lastPosition: number;
  readonly usedBytes: number;
}

export interface MemoryDisk {
  readonly faults: DiskFaults;
  capacityBytes: number;
  usedBytes(): number;
  /** Commits that were acknowledged and then lost, over this disk's life. Above zero, the disk is to be named lying. */
  liedCommits(): number;
  /** @throws GanglionError `storage_failed` while another storage is open on this disk */
  open(): Storage;
  /** The process dies: its storage never answers again, what was not durable is gone, and the disk can be opened anew. */
  crash(): CrashReport;
  snapshot(): DiskSnapshot;
  /** Puts an image back, as an operator would from a backup. @throws GanglionError `storage_failed` while open */
  restore(image: DiskSnapshot): void;
  /** Another disk with the same content, as when a machine's image is started twice. */
  clone(options?: MemoryDiskOptions): MemoryDisk;
}

interface Contents {
  entries: Map<string, Map<string, Uint8Array>>;
  journals: Map<string, StoredChunk[]>;
  lastPosition: number;
  usedBytes: number;
}

type Undo = () => void;

interface Operation {
  readonly step: Exclude<StorageStep, 'acknowledge'>;
  /** Takes effect; returns the answer, to be given when it reaches the caller. @throws GanglionError the refusal */
  readonly effect: () => unknown;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One process's hold on the disk. */
interface Session {
  queue: Operation[];
  /** Took effect, the answer still under way. */
  unheard: Operation[];
  busy: boolean;
  closing: Promise<void> | undefined;
}

const NO_FAULTS: DiskFaults = { commitFails: 0, full: 0, lies: 0, readFails: 0, corrupt: false };
const ROW_BYTES = 16;

/** A store for tests that need no faults: open, empty, answering in microtasks. */
export function memoryStorage(): Storage {
  return memoryDisk().open();
}

/** An empty disk. */
export function memoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  return diskWith({ entries: new Map(), journals: new Map(), lastPosition: 0, usedBytes: 0 }, options);
}

/** A disk and whoever has it open. */
interface DiskState {
  readonly faults: DiskFaults;
  readonly chance: Chance | undefined;
  readonly schedule: NonNullable<MemoryDiskOptions['schedule']>;
  capacityBytes: number;
  contents: Contents;
  /** Commits (and trims after them) that only the lying cache holds, oldest first, and how to take each back. */
  cached: { readonly undo: readonly Undo[]; readonly commit: boolean }[];
  lied: number;
  session: Session | undefined;
}

function diskWith(contents: Contents, options: MemoryDiskOptions): MemoryDisk {
  const state: DiskState = {
    faults: { ...NO_FAULTS, ...options.faults },
    chance: options.chance,
    schedule: options.schedule ?? ((run) => void Promise.resolve().then(run)),
    capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
    contents,
    cached: [],
    lied: 0,
    session: undefined,
  };
  return {
    faults: state.faults,
    get capacityBytes() {
      return state.capacityBytes;
    },
    set capacityBytes(bytes) {
      state.capacityBytes = bytes;
    },
    usedBytes: () => state.contents.usedBytes,
    liedCommits: () => state.lied,
    open: () => openOn(state),
    crash: () => crashOf(state),
    snapshot: () => copyOf(state.contents),
    restore(image) {
      if (state.session !== undefined)
        throw failed('The disk is in use.', 'Close or crash its storage first.');
      state.contents = copyOf(image);
      state.cached = [];
    },
    clone: (cloneOptions = {}) => diskWith(copyOf(state.contents), cloneOptions),
  };
}

function openOn(disk: DiskState): Storage {
  if (disk.session !== undefined) throw failed('Another storage is open on this disk.', 'Close it first.');
  const session: Session = { queue: [], unheard: [], busy: false, closing: undefined };
  disk.session = session;
  const enqueue = <T>(step: Operation['step'], effect: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      session.queue.push({ step, effect, resolve, reject });
      pump(disk, session);
    });
  const ask = <T>(step: Operation['step'], effect: () => T): Promise<T> =>
    session.closing === undefined ? enqueue(step, effect) : Promise.reject(closed());
  return {
    load: () => ask('load', () => read(disk, entriesOf)),
    scan: (journal, sinceMs, position, limit) =>
      ask('scan', () => read(disk, (contents) => chunksOf(contents, journal, sinceMs, position, limit))),
    async commit(writes) {
      const copied = writes.map(checkedCopy);
      await ask('commit', () => commit(disk, copied));
    },
    trim: (journal, beforeMs) => ask('trim', () => trimJournal(disk, journal, beforeMs)),
    close() {
      session.closing ??= enqueue('close', () => undefined);
      return session.closing;
    },
  };
}

/** Serves one group: every commit queued by then as one flush, or one other operation. Answers in order. */
function pump(disk: DiskState, session: Session): void {
  if (session.busy || session.queue.length === 0) return;
  session.busy = true;
  const schedule = (step: StorageStep, run: () => void): void =>
    disk.schedule(() => {
      if (disk.session === session) run();
    }, step);
  schedule(session.queue[0]!.step, () => {
    const group = takeGroup(session.queue);
    const answers = group.map(effectOf);
    session.unheard = group.filter((_, i) => answers[i]!.error === undefined);
    schedule('acknowledge', () => {
      session.unheard = [];
      for (const [i, operation] of group.entries()) settle(operation, answers[i]!);
      session.busy = false;
      if (group[0]!.step === 'close') disk.session = undefined;
      else pump(disk, session);
    });
  });
}

function commit(disk: DiskState, writes: readonly Write[]): void {
  const { faults, chance, contents } = disk;
  if (happens(faults.commitFails, chance)) throw failed('The write did not reach the disk.');
  if (happens(faults.full, chance)) throw full();
  const before = contents.usedBytes;
  const undo = apply(contents, writes);
  if (contents.usedBytes > disk.capacityBytes && contents.usedBytes > before) {
    takeBack(undo);
    throw full();
  }
  if (happens(faults.lies, chance)) disk.cached.push({ undo, commit: true });
  // An honest flush flushes the whole cache, what an earlier lie left there too.
  else disk.cached = [];
}

function trimJournal(disk: DiskState, journal: string, beforeMs: number): void {
  const undo = trim(disk.contents, journal, beforeMs);
  if (disk.cached.length > 0) disk.cached.push({ undo, commit: false });
}

function read<T>(disk: DiskState, what: (contents: Contents) => T): T {
  if (disk.faults.corrupt) throw corrupt();
  if (happens(disk.faults.readFails, disk.chance)) throw failed('The disk could not be read.');
  return what(disk.contents);
}

function crashOf(disk: DiskState): CrashReport {
  const commits = (operations: readonly Operation[] = []): number =>
    operations.filter((operation) => operation.step === 'commit').length;
  const unacknowledged = commits(disk.session?.queue);
  const unheard = commits(disk.session?.unheard);
  disk.session = undefined;
  const { cached, chance } = disk;
  // The cache was being written back in order when the power went: what is left is a prefix of it.
  const kept = cached.length === 0 || chance === undefined ? 0 : chance.uint32() % (cached.length + 1);
  const lost = cached.slice(kept).reverse();
  disk.cached = [];
  for (const { undo } of lost) takeBack(undo);
  const lostCommits = lost.filter((record) => record.commit).length;
  // The newest of the lost may not have been acknowledged yet: nobody was lied to about those.
  const unheardLost = Math.min(unheard, lostCommits);
  const lied = lostCommits - unheardLost;
  disk.lied += lied;
  return { unacknowledged: unacknowledged + unheardLost, unheard: unheard - unheardLost, lied };
}

function takeGroup(queue: Operation[]): Operation[] {
  let end = 1;
  if (queue[0]!.step === 'commit') while (queue[end]?.step === 'commit') end++;
  return queue.splice(0, end);
}

interface Answer {
  readonly value?: unknown;
  readonly error?: unknown;
}

function effectOf(operation: Operation): Answer {
  try {
    return { value: operation.effect() };
  } catch (error) {
    return { error };
  }
}

function settle(operation: Operation, answer: Answer): void {
  if (answer.error === undefined) operation.resolve(answer.value as never);
  else operation.reject(answer.error);
}

function happens(probability: number, chance: Chance | undefined): boolean {
  if (probability <= 0) return false;
  if (probability >= 1) return true;
  if (chance === undefined) {
    throw new GanglionError('invalid_spec', 'A fault probability needs a source of chance.', {
      field: 'chance',
      mend: 'Give the disk a `chance`, or use probabilities 0 and 1 only.',
    });
  }
  return chance.uint32() < probability * 2 ** 32;
}

/** Applies a batch and returns how to take it back, newest change first. */
function apply(to: Contents, writes: readonly Write[]): Undo[] {
  const undo: Undo[] = [];
  for (const write of writes) {
    if (write.kind === 'append') undo.push(append(to, write.journal, write.atMs, write.chunk));
    else undo.push(setEntry(to, write.collection, write.key, write.kind === 'put' ? write.value : undefined));
  }
  return undo.reverse();
}

function takeBack(undo: readonly Undo[]): void {
  for (const step of undo) step();
}

function setEntry(to: Contents, collection: string, key: string, value: Uint8Array | undefined): Undo {
  let table = to.entries.get(collection);
  if (table === undefined) {
    table = new Map();
    to.entries.set(collection, table);
  }
  const before = table.get(key);
  const names = collection.length + key.length + ROW_BYTES;
  if (before !== undefined) to.usedBytes -= names + before.length;
  if (value === undefined) table.delete(key);
  else {
    table.set(key, value);
    to.usedBytes += names + value.length;
  }
  return () => void setEntry(to, collection, key, before);
}

function append(to: Contents, journal: string, atMs: number, chunk: Uint8Array): Undo {
  const chunks = to.journals.get(journal) ?? [];
  to.journals.set(journal, chunks);
  const bytes = journal.length + chunk.length + ROW_BYTES;
  chunks.push({ position: ++to.lastPosition, atMs, chunk });
  to.usedBytes += bytes;
  return () => {
    to.journals.get(journal)!.pop();
    to.lastPosition--;
    to.usedBytes -= bytes;
  };
}

function trim(to: Contents, journal: string, beforeMs: number): Undo[] {
  const chunks = to.journals.get(journal);
  if (chunks === undefined) return [];
  const kept = chunks.filter((stored) => stored.atMs >= beforeMs);
  const size = (list: readonly StoredChunk[]): number =>
    list.reduce((sum, stored) => sum + journal.length + stored.chunk.length + ROW_BYTES, 0);
  const freed = size(chunks) - size(kept);
  to.journals.set(journal, kept);
  to.usedBytes -= freed;
  return [
    () => {
      to.journals.set(journal, chunks);
      to.usedBytes += freed;
    },
  ];
}

function entriesOf(contents: Contents): StoredEntry[] {
  const all: StoredEntry[] = [];
  for (const [collection, table] of contents.entries) {
    for (const [key, value] of table) all.push({ collection, key, value: value.slice() });
  }
  return all;
}

function chunksOf(
  contents: Contents,
  journal: string,
  sinceMs: number,
  position: number,
  limit: number,
): StoredChunk[] {
  const found: StoredChunk[] = [];
  for (const stored of contents.journals.get(journal) ?? []) {
    if (found.length >= limit) break;
    if (stored.position > position && stored.atMs >= sinceMs)
      found.push({ ...stored, chunk: stored.chunk.slice() });
  }
  return found;
}

/** Shares the values, which are never changed in place, and nothing else. */
function copyOf(image: DiskSnapshot): Contents {
  return {
    entries: new Map([...image.entries].map(([collection, table]) => [collection, new Map(table)])),
    journals: new Map([...image.journals].map(([journal, chunks]) => [journal, [...chunks]])),
    lastPosition: image.lastPosition,
    usedBytes: image.usedBytes,
  };
}

/** The bytes as they are now: the caller may reuse its buffer as soon as `commit` has returned. */
function checkedCopy(write: Write): Write {
  const bytes = write.kind === 'put' ? write.value : write.kind === 'append' ? write.chunk : undefined;
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) throw invalid('value', bytes);
  if (write.kind === 'append') {
    if (!isText(write.journal)) throw invalid('journal', write.journal);
    if (!Number.isFinite(write.atMs)) throw invalid('atMs', write.atMs);
    return { ...write, chunk: write.chunk.slice() };
  }
  if (write.kind !== 'put' && write.kind !== 'delete')
    throw invalid('kind', (write as { kind: unknown }).kind);
  if (!isText(write.collection)) throw invalid('collection', write.collection);
  if (!isText(write.key)) throw invalid('key', write.key);
  return write.kind === 'put' ? { ...write, value: write.value.slice() } : { ...write };
}

/** Without lone surrogates, which UTF-8 cannot carry: on a real disk two such keys would become one. */
function isText(name: unknown): boolean {
  return typeof name === 'string' && !/\p{Surrogate}/u.test(name);
}

function invalid(field: string, value: unknown): GanglionError {
  return new GanglionError('invalid_input', `A write has no usable ${field}.`, {
    field,
    value,
    mend: 'Give well-formed strings for names, a Uint8Array for bytes and a finite number for a time.',
  });
}

function failed(message: string, mend = 'Try again.'): GanglionError {
  return new GanglionError('storage_failed', message, { mend });
}

function full(): GanglionError {
  return new GanglionError('storage_full', 'The disk is full.', {
    mend: 'Free some space; nothing acknowledged is lost.',
  });
}

function corrupt(): GanglionError {
  return new GanglionError('storage_corrupt', 'The disk holds damaged data.', { mend: 'Restore a backup.' });
}

function closed(): GanglionError {
  return new GanglionError('closed', 'The storage has been closed.', { mend: 'Open it again.' });
}
