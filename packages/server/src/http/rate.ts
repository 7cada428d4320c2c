import { HttpProblem } from './problem.ts';

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket for each client address: `perSecond` calls, twice that at once. Bounded: beyond `clients` addresses
 * the one heard from longest ago is forgotten, whose bucket is the likeliest to be full again.
 */
export interface RateLimiter {
  /** @throws HttpProblem `rate_limited`, with Retry-After */
  take(client: string): void;
}

/** @param perSecond - 0: no limit. @param nowMs - a monotonic clock. */
export function rateLimiter(perSecond: number, clients: number, nowMs: () => number): RateLimiter {
  if (perSecond <= 0) return { take: () => {} };
  const burst = perSecond * 2;
  const buckets = new Map<string, Bucket>();
  let last: { client: string; bucket: Bucket } | undefined;

  const bucketOf = (client: string, now: number): Bucket => {
    // One busy client is the rule: it costs no look-up.
    if (last?.client === client) return last.bucket;
    let bucket = buckets.get(client);
    // Taken out and put back: a Map keeps insertion order, so its first key is the longest silent.
    if (bucket === undefined) bucket = { tokens: burst, atMs: now };
    else buckets.delete(client);
    buckets.set(client, bucket);
    if (buckets.size > clients) buckets.delete(buckets.keys().next().value!);
    last = { client, bucket };
    return bucket;
  };

  return {
    take(client) {
      const now = nowMs();
      const bucket = bucketOf(client, now);
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.atMs) * perSecond) / 1000);
      bucket.atMs = now;
      if (bucket.tokens < 1)
        throw new HttpProblem('rate_limited', `More than ${perSecond} calls a second from one address`, {
          mend: 'Slow down, or send lists: a list is one call.',
          headers: { 'retry-after': String(Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond))) },
        });
      bucket.tokens -= 1;
    },
  };
}
