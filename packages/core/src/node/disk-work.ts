import type { DecisionRecord } from '../decision/decision-record.ts';
import type { OutcomeEntry } from '../decision/outcome-journal.ts';
import type { Write } from '../ports.ts';
import type { SavedPieces } from './guards-saved.ts';

/** What waits for the disk, and who waits for it. */
export interface DiskWork {
  /** Decisions made since the last flush, awaiting the journal. */
  unsaved: DecisionRecord[];
  accepted: OutcomeEntry[];
  /** Of both, what is in batches that are not on disk yet: under way, or to be tried again. In records, and in bytes. */
  readonly unwritten: { decisions: number; outcomes: number; bytes: number };
  /** A snapshot of the guards waits for the disk: another would only take its place. */
  guardsWaiting: boolean;
  /** What is on the disk of states that are saved by pieces: by point and position. */
  readonly guardPieces: Map<string, SavedPieces>;
  writes: Write[];
  waiters: Waiter[];
  flushing: boolean;
  flushFailures: number;
  lastFlushError: string;
  nextFlushMs: number;
  guardsSavedMs: number;
  /** When the journals were last trimmed. */
  trimmedMs: number;
}

export interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** All is written. */
export const noWork = (monoMs: number): DiskWork => ({
  unsaved: [],
  accepted: [],
  unwritten: { decisions: 0, outcomes: 0, bytes: 0 },
  guardsWaiting: false,
  guardPieces: new Map(),
  writes: [],
  waiters: [],
  flushing: false,
  flushFailures: 0,
  lastFlushError: '',
  nextFlushMs: 0,
  guardsSavedMs: monoMs,
  trimmedMs: monoMs,
});
