import { exp, log } from '../stats/math.ts';

/** What a breaker was declared to do; times in ms. */
export interface BreakerRules {
  readonly failureRate: number;
  readonly minCalls: number;
  readonly slotMs: number;
  /** Infinity: latency does not count. */
  readonly slowCallMs: number;
  readonly slowRate: number;
  readonly openForMs: number;
  readonly probes: number;
  readonly probeForMs: number;
  /** Most circuits that may be tripped at once. */
  readonly maxTripped: number;
  /** Mean number of probes out over the whole tree that nodes with less than one probe each aim for; see `paceFor`. */
  readonly pace: number;
}

/**
 * The circuit of one arm, as plain data. Closed, open and half-open are read off `untilMs` and the time: nothing
 * happens on a timer, so a circuit that nobody looked at for an hour is right at the first look.
 */
export interface Circuit {
  /** 0: closed. Else open until then, and half-open from then on. */
  untilMs: number;
  /** Closed since: calls that started before say nothing of the arm as it is now. */
  sinceMs: number;
  /** What tripped it: `62 % of 140 failed`. */
  why: string;
  /** Half-open: probes this node may send, has sent; how many calls came back, failed, were slow. */
  quota: number;
  granted: number;
  returned: number;
  failed: number;
  slow: number;
  /** When the last probe was sent. */
  grantMs: number;
  /** When chance is asked next whether this node may probe. */
  turnMs: number;
}

/** Before any time a node has seen. */
export const LONG_AGO_MS = -1e15;

/** A time for a snapshot: null for one that never was, which JSON's readers would take for a number like any other. */
export function frozenTime(ms: number): number | null {
  // Moved by a clock that began anew it is still longer ago than anything real.
  return ms < LONG_AGO_MS / 2 ? null : ms;
}

/** How an arm stands, as a verdict shows it. */
export const SERVES = 0;
export const OPEN = 1;
export const PROBING = 2;
export const WAITING = 3;
export type Look = typeof SERVES | typeof OPEN | typeof PROBING | typeof WAITING;

export function closedCircuit(): Circuit {
  return {
    untilMs: 0,
    sinceMs: LONG_AGO_MS,
    why: '',
    quota: 0,
    granted: 0,
    returned: 0,
    failed: 0,
    slow: 0,
    grantMs: 0,
    turnMs: LONG_AGO_MS,
  };
}

/** Opens the circuit, or opens it again. */
export function trip(c: Circuit, nowMs: number, why: string, rules: BreakerRules): void {
  c.untilMs = nowMs + rules.openForMs;
  c.why = why;
  endRound(c);
}

function close(c: Circuit, nowMs: number): void {
  c.untilMs = 0;
  c.sinceMs = nowMs;
  c.why = '';
  endRound(c);
}

function endRound(c: Circuit): void {
  c.quota = 0;
  c.granted = 0;
  c.returned = 0;
  c.failed = 0;
  c.slow = 0;
}

function outstanding(c: Circuit): number {
  return Math.max(0, c.granted - c.returned);
}

/**
 * Silence is not consent: probes that do not come back in time open the circuit again, as of that time.
 * Returns whether it did.
 */
export function catchUp(c: Circuit, nowMs: number, rules: BreakerRules): boolean {
  const lost = outstanding(c);
  if (lost === 0 || nowMs < c.grantMs + rules.probeForMs) return false;
  trip(c, c.grantMs + rules.probeForMs, `${lost} of ${c.quota} probes lost`, rules);
  return true;
}

/**
 * How a circuit that is not closed stands now, once it has caught up. Gives a half-open one its quota: ⌊probes × share⌋, so that the quotas
 * of all nodes sum to at most `probes`; where that is none, one probe by chance, drawn anew every `probeForMs`.
 */
export function lookAt(c: Circuit, nowMs: number, share: number, chance: number, rules: BreakerRules): Look {
  if (nowMs < c.untilMs) return OPEN;
  // A hair is added because twenty times a twentieth must make one.
  const whole = Math.floor(rules.probes * share + 1e-9);
  if (c.granted > 0) c.quota = Math.max(c.granted, Math.min(c.quota, whole));
  else if (whole > 0) c.quota = whole;
  else if (nowMs >= c.turnMs) {
    c.turnMs = nowMs + rules.probeForMs;
    c.quota = chance < rules.pace * share ? 1 : 0;
  } else if (c.quota > 1) c.quota = 0;
  if (c.granted < c.quota) return SERVES;
  return c.quota === 0 ? WAITING : PROBING;
}

/** When the look may change though nothing happens. */
export function dueAt(c: Circuit, nowMs: number, share: number, rules: BreakerRules): number {
  if (nowMs < c.untilMs) return c.untilMs;
  if (outstanding(c) > 0) return c.grantMs + rules.probeForMs;
  return c.granted === 0 && rules.probes * share + 1e-9 < 1 ? c.turnMs : Number.POSITIVE_INFINITY;
}

/**
 * A call goes out on a circuit that is not closed. Beyond the quota it is no probe, though its outcome still speaks.
 * Returns whether it is one.
 */
export function sendProbe(c: Circuit, nowMs: number): boolean {
  if (nowMs < c.untilMs || c.granted >= c.quota) return false;
  c.granted++;
  c.grantMs = nowMs;
  return true;
}

/**
 * A call came back. Only calls that started in this half-open round count: late ones, sent before the circuit opened
 * or in a round that was lost, neither take a probe's place nor speak. The round ends as soon as its end is certain.
 * Returns whether it counted.
 */
export function hearProbe(
  c: Circuit,
  startedMs: number,
  nowMs: number,
  failed: boolean,
  slow: boolean,
  rules: BreakerRules,
): boolean {
  if (nowMs < c.untilMs || startedMs < c.untilMs) return false;
  c.returned++;
  if (failed) c.failed++;
  if (slow) c.slow++;
  const quota = Math.max(1, c.quota);
  const missing = Math.max(0, quota - c.returned);
  const bad = rules.failureRate * quota;
  const tooSlow = rules.slowRate * quota;
  if (c.failed >= bad) trip(c, nowMs, `${c.failed} of ${quota} probes failed`, rules);
  else if (c.slow >= tooSlow) trip(c, nowMs, `${c.slow} of ${quota} probes slow`, rules);
  else if (c.failed + missing < bad && c.slow + missing < tooSlow) close(c, nowMs);
  return true;
}

/**
 * The mean λ at which a Poisson number exceeds `probes` with probability 10⁻⁶. Nodes that each hold less than one
 * probe send theirs by chance, independently, with means that sum to at most λ; a sum of such is in its upper tail
 * no larger than Poisson (Hoeffding 1956). Found by bisection on the exact tail.
 */
export function paceFor(probes: number): number {
  let logFactorial = 0;
  for (let k = 2; k <= probes + 1; k++) logFactorial += log(k);
  let low = 0;
  let high = probes;
  for (let i = 0; i < 60; i++) {
    const mean = (low + high) / 2;
    let term = exp(-mean + (probes + 1) * log(mean) - logFactorial);
    let tail = 0;
    for (let k = probes + 2; term > tail * 1e-15; k++) {
      tail += term;
      term *= mean / k;
    }
    if (tail < 1e-6) low = mean;
    else high = mean;
  }
  return low;
}
