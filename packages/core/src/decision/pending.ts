import { mix32 } from '../stats/hash.ts';
import { type DecisionRecord, OWED, SETTLED } from './decision-record.ts';

/**
 * Decisions that await their outcome, oldest first: a ring that grows to its bound. Beyond the bound a sample with known
 * probability is kept: every time it fills up, the probability halves, what is there is thinned by the same rule, and
 * the survivors count double. So memory is bounded and evidence stays unbiased.
 */
export interface Pending {
  readonly max: number;
  records: (DecisionRecord | undefined)[];
  /** Index of the oldest, and how many there are. */
  head: number;
  size: number;
  /** How many of the oldest have passed their window and are settled: they wait for corrections only. */
  closed: number;
  /** Kept with probability 2^−thinning. */
  thinning: number;
  /** All below this counter are past: it follows the newest that left at its end. 0: none has. */
  passed: number;
  /** The newest that was not kept, or let go early (−1: none), and when it was made: monotonic ms. */
  droppedN: number;
  droppedMs: number;
}

const START = 256;

export function pendingQueue(max: number): Pending {
  return {
    max,
    records: new Array(Math.min(START, ceilPowerOfTwo(max))),
    head: 0,
    size: 0,
    closed: 0,
    thinning: 0,
    passed: 0,
    droppedN: -1,
    droppedMs: 0,
  };
}

const ceilPowerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/** A small whole number stays one: `**` would make a heap object of every weight. */
const powerOfTwo = (n: number): number => (n < 31 ? 1 << n : 2 ** n);

/** Whether decision `n` belongs to the sample at this thinning: a fixed hash, so that thinning twice is consistent. */
const inSample = (n: number, thinning: number): boolean => (mix32(n) & (powerOfTwo(thinning) - 1)) === 0;

/** Keeps a record, or (under overload) does not. `onDrop` hears of every unsettled record that is let go. */
export function keep(
  pending: Pending,
  record: DecisionRecord,
  onDrop: (record: DecisionRecord) => void,
): boolean {
  if (pending.thinning > 0 && !inSample(record.n, pending.thinning)) {
    drop(pending, record, onDrop);
    return false;
  }
  if (pending.size >= pending.max) makeRoom(pending, onDrop);
  if (pending.size === pending.records.length) grow(pending);
  record.weight = powerOfTwo(pending.thinning);
  pending.records[place(pending, pending.size)] = record;
  pending.size++;
  return true;
}

function drop(pending: Pending, record: DecisionRecord, onDrop: (record: DecisionRecord) => void): void {
  if (record.n > pending.droppedN) {
    pending.droppedN = record.n;
    pending.droppedMs = record.monoMs;
  }
  onDrop(record);
}

function grow(pending: Pending): void {
  const old = pending.records;
  const bigger = new Array<DecisionRecord | undefined>(old.length * 2);
  for (let i = 0; i < pending.size; i++) bigger[i] = old[(pending.head + i) & (old.length - 1)];
  pending.records = bigger;
  pending.head = 0;
}

/** Whether something of it is still to be learned; what is only open to correction is not needed. */
const isNeeded = ({ state }: DecisionRecord): boolean => (state & (SETTLED | OWED)) !== SETTLED;

/** First lets those go that wait for corrections only; if that frees too little, thins. */
function makeRoom(pending: Pending, onDrop: (record: DecisionRecord) => void): void {
  retain(pending, isNeeded, onDrop);
  while (pending.size > pending.max / 2) {
    pending.thinning++;
    retain(pending, (record) => inSample(record.n, pending.thinning), onDrop);
    for (let i = 0; i < pending.size; i++) {
      // One kept under a stricter rule earlier passes this one for sure: its weight stands.
      const record = at(pending, i);
      record.weight = Math.max(record.weight, 2 ** pending.thinning);
    }
  }
}

/** In place: there may be a million, and they are let go so that memory is bounded. */
function retain(
  pending: Pending,
  keeps: (record: DecisionRecord) => boolean,
  onDrop: (record: DecisionRecord) => void,
): void {
  const { records, size } = pending;
  let kept = 0;
  for (let i = 0; i < size; i++) {
    const record = at(pending, i);
    if (keeps(record)) records[place(pending, kept++)] = record;
    else drop(pending, record, onDrop);
  }
  for (let i = kept; i < size; i++) records[place(pending, i)] = undefined;
  pending.size = kept;
  pending.closed = 0;
}

/** Where the i-th oldest stands. */
const place = (pending: Pending, i: number): number => (pending.head + i) & (pending.records.length - 1);

/** The i-th oldest. */
export const at = (pending: Pending, i: number): DecisionRecord =>
  pending.records[place(pending, i)] as DecisionRecord;

/** Lets the oldest go. Thinning is taken back once there is ample room. */
export function shift(pending: Pending): void {
  pass(pending, at(pending, 0).n);
  pending.records[pending.head] = undefined;
  pending.head = (pending.head + 1) & (pending.records.length - 1);
  pending.size--;
  if (pending.closed > 0) pending.closed--;
  if (pending.thinning > 0 && pending.size < pending.max / 8) pending.thinning--;
}

/** Decision `n` has come to its end, and with it all before it: they are made in the order of their counters. */
export function pass(pending: Pending, n: number): void {
  if (n >= pending.passed) pending.passed = n + 1;
}

/**
 * What became of a decision that is not here: `passed` for sure, for a later one has come to its end, or the last that was
 * dropped was made before `sinceMs`; or it was never kept; undefined where nobody here can tell.
 */
export function fateOf(pending: Pending, n: number, sinceMs: number): 'passed' | 'not kept' | undefined {
  const { passed, droppedN, droppedMs } = pending;
  if (n < passed || (n <= droppedN && droppedMs < sinceMs)) return 'passed';
  if (passed > 0 || n <= droppedN) return 'not kept';
  return pending.size > 0 && n > at(pending, 0).n ? 'not kept' : undefined;
}

/** The record of counter `n`: a direct hit where nothing was dropped, else a binary search. */
export function find(pending: Pending, n: number): DecisionRecord | undefined {
  if (pending.size === 0) return undefined;
  const guess = n - at(pending, 0).n;
  if (guess >= 0 && guess < pending.size) {
    const record = at(pending, guess);
    if (record.n === n) return record;
  }
  let low = 0;
  let high = Math.min(pending.size - 1, guess);
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const record = at(pending, middle);
    if (record.n === n) return record;
    if (record.n < n) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
