import { type Histogram, histogram, quantile, record } from './histogram.ts';

/**
 * When a client that goes away before its response head has waited in vain: `docs/adr/0030`.
 *
 * A wait is in vain from `UNUSUAL` times what the best arm usually takes (its 99th percentile) on, and never below a
 * floor. Of an arm that never answers there are no latencies, and of a slow one only those of the patient: so it is the
 * arm that does best that says what waiting is for.
 */
export interface Patience {
  /** A good answer of an arm, and the time that its backend took. */
  heard(arm: string, waitMs: number): void;
  /** Waits from this one on are in vain; infinite while no arm is known. */
  boundMs(): number;
}

/** With fewer answers an arm is not known. Few, for one that never answers may take nearly all requests until another is. */
const KNOWN = 5;
/** A multiple of the 99th percentile that no healthy backend takes for one request in a hundred. */
const UNUSUAL = 3;
/** Answers that stand for what is usual now, and as many before them. */
const SPAN = 1000;

interface Usual {
  now: Histogram;
  /** Of the span before; NaN in the first. */
  beforeMs: number;
}

/** @param floorMs - no wait below it is in vain */
export function patience(floorMs: number): Patience {
  const arms = new Map<string, Usual>();
  let boundMs = Number.POSITIVE_INFINITY;
  let stale = false;
  return {
    heard(arm, waitMs) {
      let usual = arms.get(arm);
      if (usual === undefined) arms.set(arm, (usual = { now: histogram(), beforeMs: Number.NaN }));
      if (usual.now.count >= SPAN) {
        usual.beforeMs = quantile(usual.now, 0.99);
        usual.now = histogram();
      }
      record(usual.now, waitMs);
      stale = true;
    },
    boundMs() {
      if (stale) boundMs = Math.max(floorMs, UNUSUAL * bestOf(arms));
      stale = false;
      return boundMs;
    },
  };
}

function bestOf(arms: ReadonlyMap<string, Usual>): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { now, beforeMs } of arms.values()) {
    // The slower of both spans: what has just become quicker may be a lull.
    const nowMs = now.count < KNOWN ? beforeMs : quantile(now, 0.99);
    const usualMs = Number.isNaN(beforeMs) ? nowMs : Math.max(nowMs, beforeMs);
    if (usualMs < best) best = usualMs;
  }
  return best;
}
