const BUCKETS_PER_MS = 4;

/** Latencies counted in buckets of a quarter of a millisecond, and errors, which are charged the deadline. */
export interface Latencies {
  readonly counts: Uint32Array;
  readonly deadlineMs: number;
  total: number;
  errors: number;
}

/** An empty count of latencies up to the deadline. */
export const latencies = (deadlineMs: number): Latencies => ({
  counts: new Uint32Array(Math.ceil(deadlineMs * BUCKETS_PER_MS) + 1),
  deadlineMs,
  total: 0,
  errors: 0,
});

/** Counts one request; an error counts as the deadline. */
export function count(seen: Latencies, latencyMs: number, ok: boolean): void {
  const charged = ok ? Math.min(latencyMs, seen.deadlineMs) : seen.deadlineMs;
  seen.counts[Math.floor(charged * BUCKETS_PER_MS)]++;
  seen.total++;
  if (!ok) seen.errors++;
}

/** The latency in ms below or at which a share `q` of the requests lie: the upper edge of its bucket. */
export function quantile(seen: Latencies, q: number): number {
  const rank = Math.ceil(q * seen.total);
  let sum = 0;
  for (let i = 0; i < seen.counts.length; i++) {
    sum += seen.counts[i];
    if (sum >= rank && sum > 0) return Math.min(seen.deadlineMs, (i + 1) / BUCKETS_PER_MS);
  }
  return Number.NaN;
}
