import { mix32 } from '../stats/hash.ts';
import { COUNTED, type DecisionRecord, OWED, SETTLED } from './decision-record.ts';

/**
 * Decisions that await their outcome, oldest first: a ring that grows to its bound. Beyond the bound a sample with known
 * probability is kept: every time it fills up, the probability halves, what is there is thinned by the same rule, and
 * the survivors count double. So memory is bounded and evidence stays unbiased.
 *
 * Where decisions count when their window closes, some are held until then although their outcome is there. Who is held is
 * another sample by the same rule, of what `plan` says, and for a good half of the room at most: it goes by how many decisions
 * are made, never by what comes of them, so what counts is not those that were answered soon.
 */
export interface Pending {
  readonly max: number;
  readonly plan: HoldingPlan;
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
  /** Of those that are to be counted when their window closes one in 2^sieve is. */
  sieve: number;
  /** The first decision since the sieve was taken back; those before it went through one of a step more. 0: there are none. */
  sieveFrom: number;
  /** The decision that comes next. */
  next: number;
  /** What of both was last written to disk: whoever was passed over is passed over after a restart. */
  writtenSieve: number;
  writtenFrom: number;
  /** How many are held for that. */
  held: number;
  /** Decisions that were to be counted, and are not, for want of room. */
  passedOver: number;
}

/** What is held until its window closes. */
export interface HoldingPlan {
  /** Decisions count when their window closes. */
  readonly counts: boolean;
  /** Whole episodes count: they are thinned as such. */
  readonly byEpisode: boolean;
}

const UNCOUNTED: HoldingPlan = { counts: false, byEpisode: false };

const START = 256;
/** Hashes have so many bits: of such a sample is nobody. */
export const SIEVE_MAX = 32;

export function pendingQueue(max: number, plan: HoldingPlan = UNCOUNTED): Pending {
  return {
    max,
    plan,
    records: new Array(Math.min(START, ceilPowerOfTwo(max))),
    head: 0,
    size: 0,
    closed: 0,
    thinning: 0,
    passed: 0,
    droppedN: -1,
    droppedMs: 0,
    sieve: 0,
    sieveFrom: 0,
    next: 0,
    writtenSieve: 0,
    writtenFrom: 0,
    held: 0,
    passedOver: 0,
  };
}

const ceilPowerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/** A small whole number stays one: `**` would make a heap object of every weight. */
const powerOfTwo = (n: number): number => (n < 31 ? 1 << n : 2 ** n);

/** Whether a decision belongs to the sample at this thinning: a fixed hash, so that thinning twice is consistent. */
function inSample({ plan }: Pending, { n, noted }: DecisionRecord, thinning: number): boolean {
  if (thinning === 0) return true;
  if (thinning >= SIEVE_MAX) return false;
  const hash = plan.byEpisode && noted !== undefined ? mix32(noted[0], EPISODE_SALT) : mix32(n);
  return (hash & (powerOfTwo(thinning) - 1)) === 0;
}

const EPISODE_SALT = 0x7e1d50de;

/**
 * Keeps a record, or (under overload) does not. One that is `COUNTED` already is not held for that. `onDrop` hears of every
 * record that is let go.
 */
export function keep(
  pending: Pending,
  record: DecisionRecord,
  onDrop: (record: DecisionRecord) => void,
): boolean {
  pending.next = record.n + 1;
  sift(pending);
  if (pending.size >= pending.max) makeRoom(pending, onDrop);
  const counts = pending.plan.counts && (record.state & COUNTED) === 0;
  if (counts) {
    pending.held++;
    if (!inSample(pending, record, Math.max(sieveOf(pending, record.n), pending.thinning)))
      passOver(pending, record);
  }
  if (!inSample(pending, record, pending.thinning)) {
    drop(pending, record, onDrop);
    return false;
  }
  if (pending.size === pending.records.length) grow(pending);
  record.weight = powerOfTwo(pending.thinning);
  pending.records[place(pending, pending.size)] = record;
  pending.size++;
  return true;
}

/** What a decision went through: one that comes from the disk may be of before the sieve was taken back. */
const sieveOf = ({ sieve, sieveFrom }: Pending, n: number): number => (n < sieveFrom ? sieve + 1 : sieve);

function drop(pending: Pending, record: DecisionRecord, onDrop: (record: DecisionRecord) => void): void {
  if (record.n > pending.droppedN) {
    pending.droppedN = record.n;
    pending.droppedMs = record.monoMs;
  }
  onDrop(record);
}

/** It counts for nothing, whatever comes of it. */
function passOver(pending: Pending, record: DecisionRecord): void {
  record.state |= COUNTED;
  pending.held--;
  pending.passedOver++;
}

/** Most of the room that is held, once not all of a window find room; and most that is taken after room was made, or before. */
const HELD = 5 / 8;
const TAKEN = 7 / 8;

/** Whether fewer are to be held: it goes by how many are, all of whose windows are open, so outcomes have no say in it. */
const isCrowded = ({ held, max, sieve }: Pending): boolean => held >= (sieve > 0 ? HELD : TAKEN) * max;

/** Passes over whoever is not of a smaller sample: alike, whether their outcome is there or not. */
function sift(pending: Pending): void {
  while (isCrowded(pending)) {
    pending.sieve++;
    pending.sieveFrom = 0;
    for (let i = pending.closed; i < pending.size; i++) {
      const record = at(pending, i);
      if (isHeld(pending, record) && !inSample(pending, record, pending.sieve)) passOver(pending, record);
    }
  }
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

const isHeld = ({ plan }: Pending, { state }: DecisionRecord): boolean =>
  plan.counts && (state & COUNTED) === 0;

/** First lets those go that wait for corrections only; if that frees too little, thins. */
function makeRoom(pending: Pending, onDrop: (record: DecisionRecord) => void): void {
  retain(pending, (record) => isNeeded(record) || isHeld(pending, record), onDrop);
  // Those that are held take a good half by themselves: what is to be learned is not thinned on their account.
  const most = (pending.plan.counts ? TAKEN : 1 / 2) * pending.max;
  while (pending.size > most) {
    // Whoever is held goes last, for how far the rest is thinned depends on what is answered soon. Beside them are first those
    // that are not of the sample, and then those that were not before the sieve was taken back.
    if (pending.thinning >= pending.sieve && pending.sieveFrom > 0) {
      thin(pending, pending.sieve + 1, pending.sieveFrom, onDrop);
      pending.sieveFrom = 0;
    } else thin(pending, ++pending.thinning, Number.POSITIVE_INFINITY, onDrop);
  }
  // Episodes may be so few that none is of the sample: all begins anew.
  if (pending.size === 0) pending.thinning = pending.sieve = pending.sieveFrom = 0;
}

/** Keeps a sample of those before `until`. */
function thin(
  pending: Pending,
  thinning: number,
  until: number,
  onDrop: (record: DecisionRecord) => void,
): void {
  retain(pending, (record) => record.n >= until || inSample(pending, record, thinning), onDrop);
  for (let i = 0; i < pending.size; i++) {
    const record = at(pending, i);
    // What is settled has taught, and is taken back, at the weight that it had.
    if (record.n >= until || !isNeeded(record)) continue;
    // One kept under a stricter rule earlier passes this one for sure: its weight stands.
    record.weight = Math.max(record.weight, powerOfTwo(thinning));
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
    else {
      if (isHeld(pending, record)) passOver(pending, record);
      drop(pending, record, onDrop);
    }
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

/**
 * The window of the oldest that was open has passed: it need not be held any longer. The sieve is taken back by a step once few
 * are, and by another no sooner than all that are open went through it.
 */
export function close(pending: Pending): void {
  const record = at(pending, pending.closed);
  pending.closed++;
  if (!isHeld(pending, record)) return;
  pending.held--;
  if (pending.sieve === 0 || pending.held >= pending.max / 8 || record.n < pending.sieveFrom) return;
  pending.sieve--;
  pending.sieveFrom = pending.next;
  pending.thinning = Math.min(pending.thinning, pending.sieve);
}

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
