import { Pool } from 'undici';
import { exponential, seededRandom } from './demo-random.ts';
import { type Histogram, histogram, quantile, record } from './histogram.ts';

/** A client that sends at its own pace, whatever the answers do. */
export interface OpenLoopOptions {
  /** Origin of the server. */
  readonly target: string;
  /** Mean arrivals a second; the gaps are exponential (Poisson arrivals). */
  readonly rate: number;
  readonly seed: number;
  /** A request without its whole answer by then has failed. */
  readonly timeoutMs: number;
  readonly paths: readonly string[];
  /** Requests carry `x-unit: u<n>` with n below this; 0: no such header. */
  readonly units: number;
  /** Most connections; requests above wait for one, and the wait counts. Without a bound one stall of the machine
   * would open hundreds at once, and that storm would be all there is to measure. */
  readonly connections: number;
  /** Beyond so many requests in flight, arrivals are counted as failed and not sent: memory is finite. */
  readonly maxInFlight: number;
}

/** What happened within a span of time. */
export interface OpenLoopReport {
  readonly seconds: number;
  /** Arrivals in this span. */
  readonly sent: number;
  /** Whole answers with a status below 500. */
  readonly ok: number;
  /** Answers with 500 and above. */
  readonly errors: number;
  /** No whole answer in time. */
  readonly timeouts: number;
  /** The connection failed or broke. */
  readonly broken: number;
  /** Not sent for want of room. */
  readonly dropped: number;
  readonly inFlight: number;
  /** From the moment the request was due (not from when it could be sent) to the end of its answer. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
}

/** A running client. */
export interface OpenLoop {
  /** What happened since the last call. */
  sinceLast(): OpenLoopReport;
  /** Changes the pace. */
  setRate(rate: number): void;
  /** Sends no more, waits for what is in flight, and tells the whole. */
  stop(): Promise<OpenLoopReport>;
}

interface Counts {
  sinceMs: number;
  sent: number;
  ok: number;
  errors: number;
  timeouts: number;
  broken: number;
  dropped: number;
  readonly latencies: Histogram;
}

function counts(nowMs: number): Counts {
  const zero = { sent: 0, ok: 0, errors: 0, timeouts: 0, broken: 0, dropped: 0 };
  return { sinceMs: nowMs, ...zero, latencies: histogram() };
}

type End = 'ok' | 'errors' | 'timeouts' | 'broken' | 'dropped';

/**
 * Starts sending. Latency counts from the time a request was due: a client that waited for answers, or forgave its
 * own delay, would leave out exactly the bad moments (coordinated omission).
 */
export function openLoop(options: OpenLoopOptions): OpenLoop {
  const { connections } = options;
  const pool = new Pool(options.target, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const random = seededRandom(options.seed);
  let { rate } = options;
  const whole = counts(performance.now());
  let recent = counts(performance.now());
  let inFlight = 0;
  let emptied = (): void => {};
  const count = (end: End, dueMs: number): void => {
    const ms = end === 'ok' || end === 'errors' ? performance.now() - dueMs : options.timeoutMs;
    for (const one of [whole, recent]) {
      one[end] += 1;
      record(one.latencies, ms);
    }
  };
  const send = (dueMs: number): void => {
    whole.sent += 1;
    recent.sent += 1;
    if (inFlight >= options.maxInFlight) {
      count('dropped', dueMs);
      return;
    }
    inFlight += 1;
    const path = options.paths[Math.floor(random() * options.paths.length)];
    const unit = options.units > 0 ? ['x-unit', `u${Math.floor(random() * options.units)}`] : [];
    sendOne(pool, path, unit, options.timeoutMs - (performance.now() - dueMs), (end) => {
      count(end, dueMs);
      inFlight -= 1;
      if (inFlight === 0) emptied();
    });
  };
  const arrivals = arrive(send, () => exponential(random, 1000 / rate));
  return {
    sinceLast() {
      const report = reportOf(recent, inFlight);
      recent = counts(performance.now());
      return report;
    },
    setRate(next) {
      rate = next;
    },
    async stop() {
      arrivals.stop();
      if (inFlight > 0) await new Promise<void>((resolve) => (emptied = resolve));
      await pool.destroy();
      return reportOf(whole, inFlight);
    },
  };
}

/** Calls `send` with the time each arrival is due; late timers are caught up with, none is skipped. */
function arrive(send: (dueMs: number) => void, gapMs: () => number): { stop(): void } {
  let dueMs = performance.now() + gapMs();
  let timer: NodeJS.Timeout;
  const tick = (): void => {
    const nowMs = performance.now();
    while (dueMs <= nowMs) {
      send(dueMs);
      dueMs += gapMs();
    }
    timer = setTimeout(tick, Math.max(0, dueMs - performance.now()));
  };
  timer = setTimeout(tick, gapMs());
  return { stop: () => clearTimeout(timer) };
}

function sendOne(
  pool: Pool,
  path: string,
  headers: string[],
  timeoutMs: number,
  ended: (end: Exclude<End, 'dropped'>) => void,
): void {
  let over = false;
  let status = 0;
  let abort = (): void => {};
  const end = (how: Exclude<End, 'dropped'>): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    ended(how);
  };
  const timer = setTimeout(
    () => {
      end('timeouts');
      abort();
    },
    Math.max(1, timeoutMs),
  );
  pool.dispatch(
    { path, method: 'GET', headers },
    {
      onRequestStart(controller) {
        abort = () => controller.abort(new Error('timeout'));
        if (over) abort();
      },
      onResponseStart(_controller, code) {
        if (code >= 200) status = code;
      },
      onResponseData() {},
      onResponseEnd() {
        end(status < 500 ? 'ok' : 'errors');
      },
      onResponseError() {
        end('broken');
      },
    },
  );
}

function reportOf(of: Counts, inFlight: number): OpenLoopReport {
  const { sent, ok, errors, timeouts, broken, dropped, latencies } = of;
  const at = (q: number): number => Math.round(quantile(latencies, q) * 1000) / 1000;
  return {
    seconds: (performance.now() - of.sinceMs) / 1000,
    sent,
    ok,
    errors,
    timeouts,
    broken,
    dropped,
    inFlight,
    latencyMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: latencies.maxMs },
  };
}
