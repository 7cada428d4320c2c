import type { HostedNode } from '@ganglion/core';
import { PASS } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { INPUTS, inputs, POINT } from '../lib/point.ts';
import type { Subject } from '../lib/sample.ts';

const MASK = INPUTS - 1;

/** Somewhere for results to go, so that no compiler can do without the work. */
export const sink = { seen: 0 };

/** The full pipeline in a hosted node: the record is kept until its outcome comes or its window passes. */
export function ganglion(name: string, node: HostedNode, point = POINT.point): Subject {
  return {
    name,
    run(count, offset) {
      for (let i = 0; i < count; i++) {
        const decision = node.decide(point, inputs[(offset + i) & MASK]);
        if (decision.arm !== null) sink.seen++;
      }
    },
    between: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** Our breaker guard alone, with arms closed and its outcome heard: what opossum and cockatiel do around a call. */
export function breakerAlone(): Subject {
  const guard = standard.guards.breaker({ kind: 'breaker', failureRate: 0.5, minCalls: 100 }, {
    point: 'bench',
    arms: [{ id: 'a', features: {} }],
    path: 'guards[0]',
  } as never);
  const state = guard.initial(1);
  const input = {
    nowMs: performance.now(),
    unit: '',
    unitHash: 0,
    context: new Float64Array(0),
    arms: 1,
    armIds: ['a'],
    allowed: new Uint8Array([1]),
    allowedCount: 1,
    inflight: new Int32Array(1),
    inflightPoint: 0,
    inflightDomain: 0,
    confidence: Number.NaN,
    budgetMs: 0,
    parentMs: Number.POSITIVE_INFINITY,
    share: 1,
    stratum: '',
    chance: 0.5,
  };
  const metrics = {};
  return {
    name: 'Ganglion breaker guard alone: check, call, outcome',
    async run(count) {
      for (let i = 0; i < count; i++) {
        const startedMs = performance.now();
        input.nowMs = startedMs;
        if (guard.check(state, input).kind !== PASS.kind) throw new Error('the breaker opened');
        guard.chosen?.(state, input, 0);
        await noop();
        guard.settled?.(state, {
          arm: 0,
          nowMs: performance.now(),
          startedMs,
          latencyMs: Number.NaN,
          failed: false,
          metrics,
          unitHash: 0,
        });
      }
    },
  };
}

export async function noop(): Promise<number> {
  return 1;
}

export const awaitedNoop: Subject = {
  name: 'awaited no-op',
  async run(count) {
    for (let i = 0; i < count; i++) sink.seen += await noop();
  },
};

/** What no decision that is kept and random can go below here: find the point, draw, make a record, keep it. */
export function bareLimit(): Subject {
  const points = new Map([[POINT.point, { arms: POINT.arms as readonly string[] }]]);
  const kept = new Array<unknown>(65_536);
  let n = 0;
  return {
    name: 'limit: Map look-up, Math.random, one object kept',
    run(count, offset) {
      for (let i = 0; i < count; i++) {
        const point = points.get(POINT.point)!;
        const input = inputs[(offset + i) & MASK];
        const draw = Math.random();
        kept[n++ & 65_535] = { n, unit: input.unit, arm: point.arms[(draw * point.arms.length) | 0], draw };
      }
    },
  };
}
