import { describe, expect, it } from 'vitest';
import type { Moments } from '../learners/moments.ts';
import type { Outcome, Policy, PolicyInput, ViewInput } from '../policy.ts';
import { type BalancerView, balancer } from './balancer.ts';
import { everyArm } from './thompson.ts';

type Options = Readonly<Record<string, unknown>>;

const make = (ids: readonly string[], options: Options = {}) =>
  balancer(
    { kind: 'balancer', ...options },
    { point: 'p', arms: ids.map((id) => ({ id })), fields: [], range: [-1, 0], path: 'policy' },
  ) as Policy<Moments, BalancerView>;
const at = (ids: readonly string[], change: Partial<ViewInput> = {}): ViewInput => ({
  arms: ids.map((id) => ({ id, key: `${id}#0` })),
  nowMs: 0,
  baseline: undefined,
  margin: 0,
  seed: 0,
  ...change,
});
const outcome = (arm: number, metrics: Readonly<Record<string, number>>): Outcome => ({
  arm,
  armKey: `${'abc'[arm]}#0`,
  reward: 0,
  propensity: 1,
  weight: 1,
  sign: 1,
  atMs: 0,
  context: new Float64Array(0),
  metrics,
});

/** A node's pipeline in miniature: it counts requests in flight, and tells the policy what the real one tells it. */
function world(ids: readonly string[] = ['a', 'b', 'c'], options: Options = {}) {
  const policy = make(ids, options);
  const zero = policy.evidence.zero();
  let view = policy.view(zero, zero, at(ids), undefined);
  const inflight = new Int32Array(ids.length);
  const shares = (nowMs: number, change: Partial<PolicyInput> = {}): number[] => {
    const out = { p: new Float64Array(inflight.length), confidence: 0 };
    policy.propose(view, { ...everyArm(inflight.length), inflight, nowMs, ...change }, out);
    expect(out.confidence).toBeNaN();
    return [...out.p];
  };
  return {
    policy,
    zero,
    inflight,
    shares,
    send(arm: number, nowMs: number) {
      shares(nowMs);
      inflight[arm]++;
      policy.sent!(view, arm, nowMs);
    },
    end(arm: number) {
      inflight[arm]--;
    },
    answer(arm: number, nowMs: number, metrics: Readonly<Record<string, number>>) {
      inflight[arm]--;
      policy.settled!(view, arm, outcome(arm, metrics), nowMs);
    },
    refresh(arms: readonly string[], others: Moments = zero, nowMs = 0) {
      view = policy.view(zero, others, at(arms, { nowMs }), view);
    },
  };
}
type World = ReturnType<typeof world>;

/** Every arm answers ten times, in so many milliseconds. */
function warmUp(w: World, latencies: readonly number[]): number {
  let nowMs = 0;
  for (let i = 0; i < 10; i++)
    latencies.forEach((latencyMs, arm) => {
      w.send(arm, nowMs);
      nowMs += latencyMs;
      w.answer(arm, nowMs, { latencyMs, success: 1 });
    });
  return nowMs;
}

describe('balancer', () => {
  it('knows nothing at first, and says so with even shares', () => {
    expect(world().shares(0)).toEqual([1, 1, 1].map((x) => expect.closeTo(x / 3, 12)));
  });

  it('prefers the faster arm, and the freer of two equals', () => {
    const w = world();
    const nowMs = warmUp(w, [10, 20, 40]);
    const [a, b, c] = w.shares(nowMs);
    expect(a).toBeGreaterThan(b);
    expect(b).toBeGreaterThan(c);
    const equal = world();
    const later = warmUp(equal, [10, 10, 10]);
    equal.inflight.set([3, 0, 3]);
    expect(equal.shares(later)[1]).toBeGreaterThan(0.9);
  });

  it('charges failures the deadline: a fast failure is not fast', () => {
    const w = world();
    let nowMs = warmUp(w, [10, 10, 10]);
    for (let i = 0; i < 3; i++) {
      w.send(0, nowMs);
      w.answer(0, ++nowMs, { latencyMs: 1, success: 0 });
    }
    expect(w.shares(nowMs)[0]).toBeLessThan(0.01);
  });

  it('an arm gone silent loses its share before anything has timed out', () => {
    const w = world();
    let nowMs = warmUp(w, [10, 10, 10]);
    w.send(0, nowMs);
    const before = w.shares(nowMs)[0];
    // The others go on answering meanwhile.
    for (let i = 0; i < 20; i++) {
      const arm = 1 + (i % 2);
      w.send(arm, nowMs);
      nowMs += 10;
      w.answer(arm, nowMs, { latencyMs: 10, success: 1 });
    }
    expect(w.shares(nowMs)[0]).toBeLessThan(before / 2);
  });

  it('a request released without an outcome leaves nothing behind', () => {
    const w = world();
    const nowMs = warmUp(w, [10, 10, 10]);
    const clean = w.shares(nowMs + 1000);
    w.send(0, nowMs);
    w.send(0, nowMs + 5);
    w.end(0);
    w.end(0);
    w.send(1, nowMs + 1000);
    w.answer(1, nowMs + 1000, {}); // no metric: an end, and no knowledge
    const after = w.shares(nowMs + 1000);
    after.forEach((share, arm) => {
      expect(share).toBeCloseTo(clean[arm], 9);
    });
  });

  it('keeps its local knowledge over new totals, and of arms that stay', () => {
    const w = world();
    const nowMs = warmUp(w, [10, 50, 10]);
    const before = w.shares(nowMs);
    w.refresh(['a', 'b', 'c']);
    expect(w.shares(nowMs)).toEqual(before);
    w.refresh(['c', 'b']);
    const [c, b] = w.shares(nowMs, { arms: 2, allowed: Uint8Array.of(1, 1), allowedCount: 2 });
    expect(c).toBeGreaterThan(10 * b);
  });

  it('takes what others saw as a warning only: a slow arm elsewhere is avoided, a fast one not sought', () => {
    const w = world(['a', 'b', 'c'], { halfLife: '1m' });
    const told = (latencies: readonly number[]) => {
      let others = w.policy.evidence.zero();
      latencies.forEach((latencyMs, arm) => {
        for (let i = 0; i < 20; i++) others = w.policy.learn(others, outcome(arm, { latencyMs, success: 1 }));
      });
      return others;
    };
    w.refresh(['a', 'b', 'c'], told([1000, 5, 10]));
    const [a, b, c] = w.shares(0);
    expect(a).toBeLessThan(1e-6);
    expect(b).toBeCloseTo(c, 9);
    // Many half-lives later it is forgotten.
    w.refresh(['a', 'b', 'c'], told([1000, 5, 10]), 60 * 60_000);
    expect(w.shares(0)[0]).toBeCloseTo(1 / 3, 9);
  });

  it('its evidence is the charged latency, corrected like any other', () => {
    const { policy } = world();
    let own = policy.evidence.zero();
    own = policy.learn(own, outcome(0, { latencyMs: 12, success: 1 }));
    own = policy.learn(own, outcome(0, { latencyMs: 3, success: 0 }));
    own = policy.learn(own, outcome(0, { latencyMs: 9e9 }));
    own = policy.learn(own, outcome(1, { success: 1 })); // costs nobody knows
    expect(policy.evidence.outcomes(own)).toBe(3);
    own = policy.learn(own, { ...outcome(0, { latencyMs: 3, success: 0 }), sign: -1 });
    expect(policy.evidence.outcomes(own)).toBe(2);
  });

  it.each<[Options, string]>([
    [{ candidates: 0 }, 'policy.candidates'],
    [{ candidates: 1.5 }, 'policy.candidates'],
    [{ sharpness: -1 }, 'policy.sharpness'],
    [{ deadline: '0ms' }, 'policy.deadline'],
    [{ deadline: '1s', expected: '2s' }, 'policy.expected'],
    [{ halfLife: 'soon' }, 'policy.halfLife'],
    [{ metric: '' }, 'policy.metric'],
    [{ maxWeight: 3 }, 'policy.maxWeight'],
  ])('%j is refused at %s', (options, field) => {
    expect(() => make(['a', 'b'], options)).toThrow(
      expect.objectContaining({ code: 'invalid_spec', field, mend: expect.stringMatching(/./) }),
    );
  });
});
