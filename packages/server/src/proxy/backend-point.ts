import type { PointSpec } from '@ganglion/core';

/** What a proxy without a parent is told of its point. */
export interface BackendPointOptions {
  readonly point: string;
  /** The first is the fallback. */
  readonly arms: readonly string[];
  /** Longest wait for a response head, ms; charged to a backend that fails. */
  readonly deadlineMs: number;
  /** Share of requests on round robin, 0 to 0.5. */
  readonly holdout: number;
}

/** The point that a proxy declares where nobody above does: learned from latency and success, with a holdout on round robin. */
export function backendPoint({ point, arms, deadlineMs, holdout }: BackendPointOptions): PointSpec {
  const usual = deadlineMs === USUAL_DEADLINE_MS;
  return {
    point,
    arms,
    fallback: arms[0],
    baseline: { kind: 'round-robin' },
    policy: { kind: 'balancer', ...(usual ? {} : { deadline: deadlineMs }) },
    objective: { latencyMs: -1 / deadlineMs, range: [-1, 0] },
    guards: [
      ...(holdout > 0 ? [{ kind: 'holdout', share: holdout }] : []),
      { kind: 'breaker', minCalls: 20 },
      { kind: 'exploration', floor: 0.02 },
    ],
    oversight: { onExpiry: 'continue' },
    attribution: { window: usual ? '1m' : `${Math.ceil(outcomesWithinMs(deadlineMs) / 1000)}s` },
    domain: 'web',
  };
}

/** The balancer's own. */
const USUAL_DEADLINE_MS = 5000;

/** For connecting, for the body of the request, and for the way of an outcome to the disk. */
const MARGIN_MS = 50_000;

/**
 * Within this time of a decision its outcome is told: a head may take the deadline, and a response that goes on is judged
 * a deadline after its head. A client that takes longer than the rest to send its body is later still.
 */
export function outcomesWithinMs(deadlineMs: number): number {
  return Math.max(2 * USUAL_DEADLINE_MS, 2 * deadlineMs) + MARGIN_MS;
}
