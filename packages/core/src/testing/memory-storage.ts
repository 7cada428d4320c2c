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

function diskWith(initial: Contents, options: MemoryDiskOptions): MemoryDisk {
  const faults: DiskFaults = { ...NO_FAULTS, ...options.faults };
  const schedule = options.schedule ?? ((run: () => void) => void Promise.resolve().then(run));
  let contents = initial;
  /** Commits (and trims after them) that only the lying cache holds: how to take each back, oldest first. */
  let cached: { readonly undo: readonly Undo[]; readonly commit: boolean }[] = [];
  let lied = 0;
  let session: Session | undefined;

  const happens = (probability: number): boolean => drawn(probability, options.chance);

  function commitNow(writes: readonly Write[]): void {
    if (happens(faults.commitFails)) throw failed('The write did not reach the disk.');
    if (happens(faults.full)) throw full();
    const before = contents.usedBytes;
    const undo = apply(contents, writes);
    if (contents.usedBytes > disk.capacityBytes && contents.usedBytes > before) {
      takeBack(undo);
      throw full();
    }
    if (happens(faults.lies)) cached.push({ undo, commit: true });
    // An honest flush flushes the whole cache, what an earlier lie left there too.
    else cached = [];
  }

  function trimNow(journal: string, beforeMs: number): void {
    const undo = trim(contents, journal, beforeMs);
    if (cached.length > 0) cached.push({ undo, commit: false });
  }

  function readNow<T>(read: () => T): T {
    if (faults.corrupt) throw corrupt();
    if (happens(faults.readFails)) throw failed('The disk could not be read.');
    return read();
  }

  /** Serves one group: every commit queued by now as one flush, or one other operation. Answers in order. */
  function pump(of: Session): void {
    if (of.busy || of.queue.length === 0) return;
    of.busy = true;
    const whileAlive = (run: () => void) => () => {
      if (session === of) run();
    };
    const takeEffect = (): void => {
      const group = takeGroup(of.queue);
      const answers = group.map(effectOf);
      of.unheard = group.filter((_, i) => answers[i]!.error === undefined);
      const answer = (): void => {
        of.unheard = [];
        group.forEach((operation, i) => {
          settle(operation, answers[i]!);
        });
        of.busy = false;
        if (group[0]!.step === 'close') session = undefined;
        else pump(of);
      };
      schedule(whileAlive(answer), 'acknowledge');
    };
    schedule(whileAlive(takeEffect), of.queue[0]!.step);
  }

  function open(): Storage {
    if (session !== undefined) throw failed('Another storage is open on this disk.', 'Close it first.');
    const own: Session = { queue: [], unheard: [], busy: false, closing: undefined };
    session = own;
    const enqueue = <T>(step: Operation['step'], effect: () => T): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        own.queue.push({ step, effect, resolve, reject });
        pump(own);
      });
    const ask = <T>(step: Operation['step'], effect: () => T): Promise<T> =>
      own.closing === undefined ? enqueue(step, effect) : Promise.reject(closed());
    return {
      load: () => ask('load', () => readNow(() => entriesOf(contents))),
      scan: (journal, sinceMs, position, limit) =>
        ask('scan', () => readNow(() => chunksOf(contents, journal, sinceMs, position, limit))),
      async commit(writes) {
        const copied = writes.map(checkedCopy);
        await ask('commit', () => commitNow(copied));
      },
      trim: (journal, beforeMs) => ask('trim', () => trimNow(journal, beforeMs)),
      close() {
        own.closing ??= enqueue('close', () => undefined);
        return own.closing;
      },
    };
  }

  function crash(): CrashReport {
    const commits = (operations: readonly Operation[] | undefined): number =>
      (operations ?? []).filter((operation) => operation.step === 'commit').length;
    const unacknowledged = commits(session?.queue);
    const unheardBefore = commits(session?.unheard);
    session = undefined;
    // The cache was being written back in order when the power went: what is left is a prefix of it.
    const kept =
      cached.length === 0 || options.chance === undefined ? 0 : options.chance.uint32() % (cached.length + 1);
    const lost = cached.slice(kept);
    cached = [];
    for (const { undo } of lost.reverse()) takeBack(undo);
    const lostCommits = lost.filter((record) => record.commit).length;
    // The newest of the lost were not yet acknowledged: nobody was lied to about those.
    const unheardLost = Math.min(unheardBefore, lostCommits);
    lied += lostCommits - unheardLost;
    return {
      unacknowledged: unacknowledged + unheardLost,
      unheard: unheardBefore - unheardLost,
      lied: lostCommits - unheardLost,
    };
  }

  const disk: MemoryDisk = {
    faults,
    capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
    usedBytes: () => contents.usedBytes,
    liedCommits: () => lied,
    open,
    crash,
    snapshot: () => copyOf(contents),
    restore(image) {
      if (session !== undefined) throw failed('The disk is in use.', 'Close or crash its storage first.');
      contents = copyOf(image);
      cached = [];
    },
    clone: (cloneOptions = {}) => diskWith(copyOf(contents), cloneOptions),
  };
  return disk;
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

function drawn(probability: number, chance: Chance | undefined): boolean {
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
