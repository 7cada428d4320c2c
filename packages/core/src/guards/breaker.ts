import {
  type Guard,
  type GuardInput,
  type GuardOutcome,
  type JsonValue,
  PASS,
  type Verdict,
} from '../guard.ts';
import { choice, duration, given, number, type Options, refuse, rejectUnknown, share } from '../options.ts';
import type { Factory } from '../registry.ts';
import {
  BREAKER_SLOTS,
  type BreakerState,
  clock,
  emptyBreaker,
  freezeBreaker,
  rearmed,
  thawBreaker,
} from './breaker-state.ts';
import {
  type BreakerRules,
  type Circuit,
  catchUp,
  dueAt,
  hearProbe,
  type Look,
  lookAt,
  OPEN,
  paceFor,
  SERVES,
  sendProbe,
  trip,
  WAITING,
} from './circuit.ts';
import { addAt, clearRow, slotAt, totalAt } from './ring.ts';
import { listed, percent } from './words.ts';

/**
 * Circuit breaker: withholds an arm whose calls fail or are slow too often, and lets it back after a few good probes.
 *
 * - `failureRate` (share, default 0.5), `minCalls` (100), `window` (60s): an arm trips once at least `minCalls` calls
 *   came back within the sliding window and this share of them failed. Calls without an answer do not count.
 * - `slowCall` (duration), `slowRate` (share, default 1): the same for calls that took `slowCall` or longer.
 * - `openFor` (30s): after that the circuit is half-open.
 * - `probes` (5): calls let through half-open, over all nodes together. The circuit closes, or opens again, by the same
 *   rates over the probes, as soon as the result is certain.
 * - `probeFor` (default `openFor`): probes still out this long after the last one was sent are lost, and the circuit
 *   opens again. Longer than feedback takes to arrive, or the circuit never closes.
 * - `maxEjected` (share of arms): no more arms than this are tripped at once, though always one may be; default: no bound.
 * - `whenAllOpen` (`pass`, default, or `block`): what happens when every allowed arm is withheld. `pass` withholds
 *   none, as proxies do in panic: some chance beats none. The verdict says so.
 *
 * State is a function of what happened and of the time given: no timers. Calls that started before the circuit last
 * changed are late: they take no probe's place, and neither trip nor close it.
 *
 * Probes over replicas: a node sends ⌊probes × share⌋ a round, so all nodes together never send more than `probes`.
 * Where a node's part is below one, it asks chance every `probeFor` whether it may send a single probe; with equal
 * shares more than `probes` are out at a time with probability 10⁻⁶. Such a node waits probeFor / (λ × share) on average, with
 * λ = 0.31 for 5 probes, 1.6 for 10, 5.9 for 20: give at least as many probes as there are nodes, and none waits.
 *
 * Beside others: rates and minimum calls over a time window as resilience4j and Polly have them (opossum has no minimum
 * by default, cockatiel's sampling breaker a minimum rate); lost probes reopen, as with resilience4j's
 * maxWaitDurationInHalfOpenState; a late success does not close the circuit, as it does opossum's; the bound on
 * ejections always lets one arm go, as Envoy's does, and Envoy's panic threshold is `whenAllOpen: pass`.
 */
export const breaker: Factory<Guard<BreakerState>> = (options, { arms, path }) => {
  const rules = readRules(options, arms.length, path);
  const ids = arms.map((arm) => arm.id);
  const panic = choice(options, 'whenAllOpen', ['pass', 'block'], 'pass', path);
  const allOpen: Verdict = Object.freeze({
    kind: panic,
    guard: 'breaker',
    why: panic === 'pass' ? 'every allowed arm is open: none withheld' : 'every allowed arm is open',
  });

  return {
    name: 'breaker/1',
    phase: 'narrow',
    hearsFailuresAtOnce: true,
    initial: (count) => emptyBreaker(count, rules.slotMs),

    check(state: BreakerState, input: GuardInput): Verdict {
      if (state.tripped === 0) return PASS;
      if (input.nowMs >= state.dueMs || input.share !== state.share) refresh(state, input, rules, ids);
      if (input.allowedCount > state.excluded) return state.verdict;
      for (let arm = 0; arm < state.looks.length; arm++)
        if (input.allowed[arm] === 1 && state.looks[arm] === SERVES) return state.verdict;
      return allOpen;
    },

    chosen(state, input, arm) {
      if (state.tripped === 0 || state.circuits[arm].untilMs === 0) return;
      if (sendProbe(state.circuits[arm], clock(state, input.nowMs))) outdate(state);
    },

    settled(state, outcome) {
      const circuit = state.circuits[outcome.arm];
      const timed = outcome.latencyMs >= 0 && rules.slowCallMs !== Number.POSITIVE_INFINITY;
      if (circuit === undefined || (outcome.failed === undefined && !timed)) return;
      const nowMs = clock(state, outcome.nowMs);
      const slow = timed && outcome.latencyMs >= rules.slowCallMs;
      if (circuit.untilMs === 0) {
        count(state, circuit, outcome, nowMs, slow, rules);
        return;
      }
      const lost = catchUp(circuit, nowMs, rules);
      const heard = hearProbe(circuit, outcome.startedMs, nowMs, outcome.failed === true, slow, rules);
      if (circuit.untilMs === 0) state.tripped--;
      if (lost || heard) outdate(state);
    },

    rearm: (state, from) => rearmed(state, from),
    snapshot: (state): JsonValue => freezeBreaker(state),
    restore: (snapshot, count) => thawBreaker(snapshot, emptyBreaker(count, rules.slotMs)),
  };
};

/** What the verdict tells of has changed: the next check makes it anew. */
function outdate(state: BreakerState): void {
  state.stale = true;
  state.dueMs = Number.NEGATIVE_INFINITY;
}

const KEYS = [
  'failureRate',
  'minCalls',
  'window',
  'slowCall',
  'slowRate',
  'openFor',
  'probes',
  'probeFor',
  'maxEjected',
  'whenAllOpen',
];

function readRules(options: Options, arms: number, path: string): BreakerRules {
  const most = 7 * 86_400_000;
  rejectUnknown(options, KEYS, path);
  if (given(options, 'slowRate') && !given(options, 'slowCall'))
    refuse(
      path,
      'slowRate',
      options.slowRate,
      'has no meaning without slowCall',
      'Say how long a slow call takes.',
    );
  const openForMs = duration(options, 'openFor', { min: 1, max: most, default: 30_000 }, path);
  const probes = number(options, 'probes', { min: 1, max: 10_000, integer: true, default: 5 }, path);
  const maxEjected = share(options, 'maxEjected', { default: 1 }, path);
  return {
    failureRate: share(options, 'failureRate', { min: 0.001, default: 0.5 }, path),
    minCalls: number(options, 'minCalls', { min: 1, max: 1e9, integer: true, default: 100 }, path),
    slotMs: duration(options, 'window', { min: 10, max: most, default: 60_000 }, path) / BREAKER_SLOTS,
    slowCallMs: duration(options, 'slowCall', { min: 0, default: Number.POSITIVE_INFINITY }, path),
    slowRate: share(options, 'slowRate', { min: 0.001, default: 1 }, path),
    openForMs,
    probes,
    probeForMs: duration(options, 'probeFor', { min: 1, max: most, default: openForMs }, path),
    maxTripped: Math.max(1, Math.floor(maxEjected * arms + 1e-9)),
    pace: paceFor(probes),
  };
}

/** A call of a closed circuit came back. */
function count(
  state: BreakerState,
  circuit: Circuit,
  outcome: GuardOutcome,
  nowMs: number,
  slow: boolean,
  rules: BreakerRules,
): void {
  if (outcome.startedMs < circuit.sinceMs) return;
  const { window } = state;
  const slot = slotAt(window, nowMs);
  const row = outcome.arm * 3;
  addAt(window, row, slot, 1);
  if (outcome.failed === true) addAt(window, row + 1, slot, 1);
  if (slow) addAt(window, row + 2, slot, 1);
  const calls = window.totals[row];
  if (calls < rules.minCalls || state.tripped >= rules.maxTripped) return;
  const failed = totalAt(window, row + 1, slot);
  const slowCalls = totalAt(window, row + 2, slot);
  const bad = failed >= rules.failureRate * calls;
  if (!bad && slowCalls < rules.slowRate * calls) return;
  const rate = percent((bad ? failed : slowCalls) / calls);
  trip(circuit, nowMs, `${rate} % of ${calls} ${bad ? 'failed' : 'slow'}`, rules);
  for (let k = 0; k < 3; k++) clearRow(window, row + k);
  state.tripped++;
  outdate(state);
}

/** Brings the answer up to date; a new verdict is made only where the answer is another. */
function refresh(state: BreakerState, input: GuardInput, rules: BreakerRules, ids: readonly string[]): void {
  const nowMs = clock(state, input.nowMs);
  let changed = state.stale;
  state.stale = false;
  state.share = input.share;
  state.dueMs = Number.POSITIVE_INFINITY;
  state.excluded = 0;
  for (let arm = 0; arm < state.circuits.length; arm++) {
    const circuit = state.circuits[arm];
    let look: Look = SERVES;
    if (circuit.untilMs !== 0) {
      if (catchUp(circuit, nowMs, rules)) changed = true;
      look = lookAt(circuit, nowMs, input.share, input.chance, rules);
      state.dueMs = Math.min(state.dueMs, dueAt(circuit, nowMs, input.share, rules));
    }
    if (look !== state.looks[arm]) changed = true;
    state.looks[arm] = look;
    if (look !== SERVES) state.excluded++;
  }
  if (changed) state.verdict = state.excluded === 0 ? PASS : restrict(state, ids);
}

function restrict(state: BreakerState, ids: readonly string[]): Verdict {
  const exclude = Uint8Array.from(state.looks, (look) => (look === SERVES ? 0 : 1));
  return Object.freeze({ kind: 'restrict', guard: 'breaker', why: wording(state, ids), exclude });
}

/** `open: b (62 % of 140 failed); half-open: c (2 probes out)` */
function wording(state: BreakerState, ids: readonly string[]): string {
  const open: string[] = [];
  const half: string[] = [];
  state.looks.forEach((look, arm) => {
    const circuit = state.circuits[arm];
    if (look === OPEN) open.push(`${ids[arm]} (${circuit.why})`);
    else if (look === WAITING) half.push(`${ids[arm]} (others probe)`);
    else if (look !== SERVES) half.push(`${ids[arm]} (${circuit.granted} of ${circuit.quota} probes sent)`);
  });
  const parts = open.length === 0 ? [] : [`open: ${listed(open)}`];
  if (half.length > 0) parts.push(`half-open: ${listed(half)}`);
  return parts.join('; ');
}
