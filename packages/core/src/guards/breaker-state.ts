import { type JsonValue, PASS, type Verdict } from '../guard.ts';
import { type Circuit, closedCircuit, frozenTime, LONG_AGO_MS, type Look, SERVES } from './circuit.ts';
import { copyRow, type Ring, ring, rowFromJson, rowToJson, shiftRing, slotAt } from './ring.ts';
import { thawList, thawNumber, thawObject, thawRow, thawText, unfit } from './thaw.ts';

/** One circuit an arm, and what its calls came to in the sliding window. */
export interface BreakerState {
  /** Latest time seen, monotonic ms. */
  atMs: number;
  /** Restored and not used since: the monotonic clock may have begun anew. */
  resumed: boolean;
  /** Three rows an arm: calls, failures, slow calls. */
  readonly window: Ring;
  readonly circuits: Circuit[];
  /** How many circuits are not closed. */
  tripped: number;
  // The rest is derived: the answer, and until when it stands if nothing happens.
  readonly looks: Look[];
  verdict: Verdict;
  excluded: number;
  share: number;
  dueMs: number;
  /** What the verdict tells of has changed. */
  stale: boolean;
}

/** Slots of the window; it covers nine to ten tenths of the declared time. */
export const BREAKER_SLOTS = 10;

/** All circuits closed, no call known. */
export function emptyBreaker(arms: number, slotMs: number): BreakerState {
  return {
    atMs: LONG_AGO_MS,
    resumed: false,
    window: ring(arms * 3, BREAKER_SLOTS, slotMs),
    circuits: Array.from({ length: arms }, closedCircuit),
    tripped: 0,
    looks: new Array<Look>(arms).fill(SERVES),
    verdict: PASS,
    excluded: 0,
    share: 1,
    dueMs: Number.NEGATIVE_INFINITY,
    stale: true,
  };
}

/**
 * The time, which never goes back here. The one exception: the process began anew, and its monotonic clock with it.
 * Then no time has passed since the snapshot: an open circuit stays open for the rest of its time.
 */
export function clock(state: BreakerState, nowMs: number): number {
  if (state.resumed) {
    state.resumed = false;
    if (nowMs < state.atMs) shift(state, nowMs - state.atMs);
  }
  if (nowMs > state.atMs) state.atMs = nowMs;
  return state.atMs;
}

function shift(state: BreakerState, byMs: number): void {
  shiftRing(state.window, slotAt(state.window, state.atMs + byMs) - slotAt(state.window, state.atMs));
  for (const circuit of state.circuits) {
    if (circuit.untilMs !== 0) circuit.untilMs = circuit.untilMs + byMs || Number.MIN_VALUE;
    circuit.sinceMs += byMs;
    circuit.grantMs += byMs;
    circuit.turnMs += byMs;
  }
  state.atMs += byMs;
}

/** The state after the arms changed: `from[i]` is the old index of new arm i, or −1. */
export function rearmed(state: BreakerState, from: readonly number[]): BreakerState {
  const next = emptyBreaker(from.length, state.window.slotMs);
  next.atMs = state.atMs;
  next.resumed = state.resumed;
  from.forEach((old, arm) => {
    if (old < 0) return;
    next.circuits[arm] = { ...state.circuits[old] };
    for (let k = 0; k < 3; k++) copyRow(state.window, old * 3 + k, next.window, arm * 3 + k);
    if (next.circuits[arm].untilMs !== 0) next.tripped++;
  });
  return next;
}

/** One entry an arm: its window (newest slot's number, then sums from the newest back) and, unless closed, its circuit. */
export function freezeBreaker(state: BreakerState): JsonValue {
  return {
    atMs: frozenTime(state.atMs),
    slotMs: state.window.slotMs,
    arms: state.circuits.map((circuit, arm) => ({
      calls: rowToJson(state.window, arm * 3),
      failures: rowToJson(state.window, arm * 3 + 1),
      slowCalls: rowToJson(state.window, arm * 3 + 2),
      ...(circuit.untilMs === 0
        ? { sinceMs: frozenTime(circuit.sinceMs) }
        : { ...circuit, sinceMs: frozenTime(circuit.sinceMs), turnMs: frozenTime(circuit.turnMs) }),
    })),
  };
}

/** Fills an empty state. @throws GanglionError `undecodable` where the snapshot does not fit. */
export function thawBreaker(snapshot: unknown, state: BreakerState): BreakerState {
  const json = thawObject(snapshot, 'breaker');
  const arms = thawList(json.arms, 'arms', state.circuits.length);
  if (arms.length !== state.circuits.length) unfit('arms', arms.length);
  // Another window than the declared one: its slots would mean other times.
  if (json.slotMs !== state.window.slotMs) unfit('slotMs', json.slotMs);
  state.atMs = thawTime(json.atMs, 'atMs');
  state.resumed = true;
  const newest = slotAt(state.window, state.atMs);
  arms.forEach((item, arm) => {
    const entry = thawObject(item, `arms[${arm}]`);
    ROWS.forEach((name, k) => {
      if (entry[name] === null) return;
      rowFromJson(state.window, arm * 3 + k, thawRow(entry[name], name, BREAKER_SLOTS, newest));
    });
    const circuit = state.circuits[arm];
    circuit.sinceMs = thawTime(entry.sinceMs, 'sinceMs');
    if (entry.untilMs === undefined) return;
    for (const key of TIMES) circuit[key] = thawTime(entry[key], key);
    for (const key of COUNTS) circuit[key] = thawNumber(entry[key], key, 0);
    circuit.why = thawText(entry.why, 'why', 80);
    if (circuit.untilMs !== 0) state.tripped++;
  });
  return state;
}

function thawTime(json: unknown, field: string): number {
  return json === null ? LONG_AGO_MS : thawNumber(json, field);
}

const ROWS = ['calls', 'failures', 'slowCalls'] as const;
const TIMES = ['untilMs', 'grantMs', 'turnMs'] as const;
const COUNTS = ['quota', 'granted', 'returned', 'failed', 'slow'] as const;
