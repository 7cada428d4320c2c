import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { type Guard, type GuardOutcome, type JsonValue, PASS } from '../guard.ts';
import { type Stream, stream } from '../stats/random.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import { guards } from './index.ts';
import type { LimitState } from './limit-state.ts';

const ids = ['cheap', 'dear', 'free'];

/** A limit with its state, driven by hand: one node. */
function node(options: Record<string, unknown>, armIds = ids) {
  const guard = guards.limit(options, pointOf(armIds)) as Guard<LimitState>;
  let state = guard.initial(armIds.length);
  const at = (nowMs: number, change = {}) => guardInput(armIds, { nowMs, ...change });
  const ask = (nowMs: number, change = {}) => guard.check(state, at(nowMs, change));
  const draw = (nowMs: number, arm: number, change = {}) => {
    const { kind, exclude } = ask(nowMs, change);
    if (kind === 'block' || exclude?.[arm] === 1) return false;
    guard.chosen!(state, at(nowMs, change), arm);
    return true;
  };
  const back = (outcome: Partial<GuardOutcome>) =>
    guard.settled!(state, {
      arm: 0,
      nowMs: 0,
      startedMs: outcome.nowMs ?? 0,
      latencyMs: Number.NaN,
      failed: false,
      metrics: {},
      unitHash: 0,
      ...outcome,
    });
  const restart = () => {
    state = guard.restore!(JSON.parse(JSON.stringify(guard.snapshot!(state))) as JsonValue, armIds.length);
  };
  return { guard, ask, draw, back, restart, keys: () => state.rows.size };
}

/** What was spent when, over all nodes. */
interface Spent {
  readonly atMs: number;
  readonly amount: number;
}

/** The most spent within any window of this length. */
function mostWithin(spent: readonly Spent[], perMs: number): number {
  const sorted = [...spent].sort((a, b) => a.atMs - b.atMs);
  let most = 0;
  let sum = 0;
  let from = 0;
  for (const { atMs, amount } of sorted) {
    sum += amount;
    while (sorted[from].atMs <= atMs - perMs) sum -= sorted[from++].amount;
    most = Math.max(most, sum);
  }
  return most;
}

/** Random shares that sum to one, some of them small. */
function split(random: Stream, n: number): number[] {
  const weights = Array.from({ length: n }, () => random.exponential() ** 2 + 1e-3);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

const seeds = fc.nat({ max: 0xffffffff });

describe('limit', () => {
  it('lets through what fits, and again once the window has passed', () => {
    const n = node({ of: 'actions', max: 3, per: '1s' });
    expect([0, 100, 200, 300, 999, 1000].map((t) => n.draw(t, 0))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    // A tenth of grain: the first is forgotten between 1.0 and 1.1 windows after it.
    expect([n.draw(1100, 0), n.draw(1101, 0)]).toEqual([true, false]);
    expect(n.ask(1101)).toEqual({ kind: 'block', guard: 'limit', why: 'over 3 actions per 1s, by point' });
  });

  it('holds its share, and counts a larger share only after a whole window', () => {
    const n = node({ of: 'actions', max: 10, per: '1s' });
    const drawn = (t: number, share: number) => {
      let count = 0;
      while (n.draw(t, 0, { share })) count++;
      return count;
    };
    expect(drawn(0, 0.3)).toBe(3);
    expect(drawn(10, 1)).toBe(0);
    expect(drawn(1050, 1)).toBe(0);
    expect(drawn(1150, 1)).toBe(10);
    expect(drawn(2300, 0.2)).toBe(2);
  });

  it('withholds only the arms it is about, and blocks where no other is allowed', () => {
    const n = node({ of: 'actions', max: 2, per: '1s', arms: ['dear'] });
    for (let i = 0; i < 50; i++) expect(n.draw(0, 0)).toBe(true);
    expect([n.draw(0, 1), n.draw(0, 1), n.draw(0, 1)]).toEqual([true, true, false]);
    expect(n.ask(0)).toEqual({
      kind: 'restrict',
      guard: 'limit',
      why: 'over 2 actions per 1s, by point: dear',
      exclude: Uint8Array.of(0, 1, 0),
    });
    expect(n.ask(0, { allowed: Uint8Array.of(0, 1, 0), allowedCount: 1 }).kind).toBe('block');
  });

  it('holds a burst by what decisions are expected to cost, and sets it right as outcomes come', () => {
    const n = node({ of: 'cost', max: 10, per: '1s', cost: 2 });
    let burst = 0;
    while (n.draw(0, 0)) burst++;
    expect(burst).toBe(5);
    n.back({ nowMs: 50, startedMs: 0, metrics: { cost: 0.5 } });
    expect([n.draw(60, 0), n.draw(60, 0)]).toEqual([false, false]); // 8.5
    n.back({ nowMs: 70, startedMs: 0, metrics: { cost: 1.5 } });
    expect([n.draw(80, 0), n.draw(80, 0)]).toEqual([true, false]); // 8 + 2
    n.back({ nowMs: 90, startedMs: 0, metrics: { cost: 9 } });
    expect(n.draw(1150, 0)).toBe(true); // the decisions are forgotten, and the 7 too many, at 90, as well
  });

  it('gives back to the time of the decision, and nothing once that has left the window', () => {
    const n = node({ of: 'cost', max: 4, per: '1s', cost: 2 });
    expect([n.draw(0, 0), n.draw(350, 0), n.draw(360, 0)]).toEqual([true, true, false]);
    n.back({ nowMs: 720, startedMs: 350, metrics: { cost: 0 } });
    expect([n.draw(730, 0), n.draw(740, 0)]).toEqual([true, false]);
    expect([n.draw(1150, 0), n.draw(1160, 0)]).toEqual([true, false]);
    n.back({ nowMs: 1170, startedMs: 0, metrics: { cost: 0 } });
    expect(n.draw(1180, 0)).toBe(false);
  });

  it('leaves the charge where an outcome does not say what it cost', () => {
    const n = node({ of: 'cost', max: 4, per: '1s', cost: 2 });
    expect([n.draw(0, 0), n.draw(0, 0)]).toEqual([true, true]);
    for (const cost of [Number.NaN, -5, Number.POSITIVE_INFINITY])
      n.back({ nowMs: 1, startedMs: 0, metrics: { cost } });
    n.back({ nowMs: 1, startedMs: 0 });
    expect(n.draw(2, 0)).toBe(false);
  });

  it('counts what is reported where nothing was expected, and stops then', () => {
    const n = node({ of: 'tokens', max: 100, per: '1s' });
    for (let i = 0; i < 4; i++) {
      expect(n.draw(i, 0)).toBe(true);
      n.back({ nowMs: i, startedMs: i, metrics: { tokens: 25 } });
    }
    expect(n.ask(4)).toMatchObject({ kind: 'block' });
  });

  it('withholds arms too dear for what is left before cheaper ones', () => {
    const n = node({ of: 'cost', max: 10, per: '1s', cost: { cheap: 1, dear: 4, free: 0 } });
    const withheld = () => ids.filter((_, arm) => n.ask(0).exclude?.[arm] === 1).join(' ');
    n.draw(0, 1);
    expect(withheld()).toBe('');
    for (let i = 0; i < 3; i++) n.draw(0, 0);
    expect(withheld()).toBe('dear'); // 7 spent
    for (let i = 0; i < 3; i++) n.draw(0, 0);
    expect(n.ask(0).kind).toBe('block'); // all is spent: even what seems free might cost
  });

  it('counts domain and tree on a state that their points share, and names it', () => {
    const spec = { of: 'actions', max: 3, per: '1s', scope: 'domain' };
    const one = guards.limit(spec, pointOf(ids));
    const two = guards.limit(spec, { ...pointOf(['x', 'y']), point: 'search' });
    expect([two.scope, two.ledger]).toEqual([one.scope, one.ledger]);
    expect(guards.limit({ ...spec, max: 4 }, pointOf(ids)).ledger).not.toBe(one.ledger);
    const state = one.initial(3);
    for (let i = 0; i < 2; i++) one.chosen!(state, guardInput(ids), 0);
    expect(two.check(state, guardInput(['x', 'y']))).toBe(PASS);
    two.chosen!(state, guardInput(['x', 'y']), 1);
    expect([one.check(state, guardInput(ids)).kind, two.check(state, guardInput(['x', 'y'])).kind]).toEqual([
      'block',
      'block',
    ]);
  });
});

describe('limit over a tree', () => {
  const run = (
    random: Stream,
    options: Record<string, unknown>,
    shares: readonly number[],
    cost: () => [number, number],
  ) => {
    const nodes = shares.map((share) => ({ ...node(options), share, nowMs: random.next() * 500 }));
    const spent: Spent[] = [];
    for (let i = 0; i < 1500; i++) {
      // Nodes never hear of each other; each sees its own traffic and its own outcomes, late or never, and may restart.
      const n = nodes[random.integer(nodes.length)];
      n.nowMs += random.integer(3) === 0 ? random.exponential() * 40 : 0;
      if (random.integer(200) === 0) n.restart();
      const [expected, actual] = cost();
      if (!n.draw(n.nowMs, expected === 1 ? 0 : 1, { share: n.share })) continue;
      const { nowMs } = n;
      spent.push({ atMs: nowMs, amount: actual });
      if (random.integer(3) > 0)
        n.back({ arm: expected === 1 ? 0 : 1, nowMs: n.nowMs, startedMs: nowMs, metrics: { cost: actual } });
    }
    return spent;
  };

  it('never exceeds the maximum in any window, however shares are split, while nobody hears of anybody', () => {
    let tight = 0;
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 60 }), (seed, n, max) => {
        const random = stream(seed);
        const spent = run(random, { of: 'actions', max, per: 500 }, split(random, n), () => [1, 1]);
        const most = mostWithin(spent, 500);
        expect(most).toBeLessThanOrEqual(max);
        if (most > 0.7 * max) tight++;
      }),
      { numRuns: 100 },
    );
    expect(tight).toBeGreaterThan(10); // it holds because it limits, not because nothing happens
  });

  it('never exceeds it in cost either, where decisions cost no more than expected', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, n) => {
        const random = stream(seed);
        const options = { of: 'cost', max: 40, per: 500, cost: { cheap: 1, dear: 5, free: 0 } };
        const spent = run(random, options, split(random, n), () => {
          const expected = random.integer(2) === 0 ? 1 : 5;
          return [expected, expected * random.next()];
        });
        expect(mostWithin(spent, 500)).toBeLessThanOrEqual(40 * (1 + 1e-9));
      }),
      { numRuns: 100 },
    );
  });

  it('never exceeds it while shares move, if what is given was taken back before', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = stream(seed);
        const nodes = [0.5, 0.3, 0.2].map((share) => ({
          ...node({ of: 'actions', max: 30, per: 300 }),
          share,
        }));
        const spent: Spent[] = [];
        for (let nowMs = 0; nowMs < 4000; nowMs += random.integer(4)) {
          for (const n of nodes)
            if (random.integer(2) === 0 && n.draw(nowMs, 0, { share: n.share }))
              spent.push({ atMs: nowMs, amount: 1 });
          if (random.integer(60) > 0) continue;
          const [from, to] = [nodes[random.integer(3)], nodes[random.integer(3)]];
          const part = from.share * random.next() * 0.9;
          from.share -= part;
          from.ask(nowMs, { share: from.share }); // it has heard
          to.share += part;
        }
        expect(mostWithin(spent, 300)).toBeLessThanOrEqual(30);
        expect(spent.length).toBeGreaterThan(100);
      }),
      { numRuns: 40 },
    );
  });
});

describe('limit by unit', () => {
  const unit = (unitHash: number, share = 1) => ({ unit: `u${unitHash}`, unitHash, share });

  it('counts each unit by itself, and all decisions without one as one', () => {
    const n = node({ of: 'exposure', max: 2, per: '1h', scope: 'unit' });
    for (const u of [unit(1), unit(2), unit(0xffffffff), { unit: '', unitHash: 0 }])
      expect([n.draw(0, 0, u), n.draw(1, 0, u), n.draw(2, 0, u)]).toEqual([true, true, false]);
  });

  it('grants a unit all of the maximum, or the share where units roam', () => {
    const stays = node({ of: 'actions', max: 4, per: '1h', scope: 'unit' });
    const roams = node({ of: 'actions', max: 4, per: '1h', scope: 'unit', roaming: true });
    const drawn = (n: ReturnType<typeof node>) =>
      Array.from({ length: 6 }, () => n.draw(0, 0, unit(9, 0.5))).filter(Boolean);
    expect([drawn(stays).length, drawn(roams).length]).toEqual([4, 2]);
  });

  it('never forgets a unit that has spent within the window, nor remembers more units than it may', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = stream(seed);
        const n = node({ of: 'actions', max: 3, per: 1000, scope: 'unit', units: 25 });
        const spent = new Map<number, Spent[]>();
        let refused = 0;
        for (let i = 0, nowMs = 0; i < 3000; i++, nowMs += random.integer(12)) {
          const who = 1 + random.integer(60);
          if (random.integer(300) === 0) n.restart();
          if (!n.draw(nowMs, 0, unit(who))) {
            refused++;
            continue;
          }
          const mine = spent.get(who) ?? [];
          mine.push({ atMs: nowMs, amount: 1 });
          spent.set(who, mine);
          expect(n.keys()).toBeLessThanOrEqual(25);
        }
        for (const mine of spent.values()) expect(mostWithin(mine, 1000)).toBeLessThanOrEqual(3);
        expect(refused).toBeGreaterThan(0);
        expect(spent.size).toBeGreaterThan(40);
      }),
      { numRuns: 30 },
    );
  });

  it('says so where there is no room for another unit', () => {
    const n = node({ of: 'actions', max: 3, per: '1s', scope: 'unit', units: 2, arms: ['dear'] });
    n.draw(0, 1, unit(1));
    n.draw(0, 1, unit(2));
    expect(n.ask(10, unit(3))).toMatchObject({
      kind: 'restrict',
      why: 'no room to remember another unit (3 actions per 1s, by unit): dear',
    });
    expect(n.ask(10, unit(2))).toBe(PASS);
    expect(n.ask(1200, unit(3))).toBe(PASS);
  });
});

it('refuses a snapshot of another window', () => {
  const n = node({ of: 'actions', max: 3, per: '1s' });
  n.draw(0, 0);
  const other = guards.limit({ of: 'actions', max: 3, per: '2s' }, pointOf(ids));
  const state = n.guard.initial(3);
  n.guard.chosen!(state, guardInput(ids), 0);
  expect(() => other.restore!(n.guard.snapshot!(state), 3)).toThrow(
    expect.toSatisfy((e) => isGanglionError(e, 'undecodable')),
  );
});

it('survives a restart whose monotonic clock begins anew, as if no time had passed', () => {
  const n = node({ of: 'actions', max: 3, per: '1s' });
  for (let i = 0; i < 3; i++) n.draw(1e9, 0);
  n.restart();
  expect([n.draw(5, 0), n.draw(900, 0), n.draw(1100, 0)]).toEqual([false, false, true]);
});

it.each<[string, Record<string, unknown>]>([
  ['of', { max: 1, per: '1m' }],
  ['max', { of: 'actions', per: '1m' }],
  ['max', { of: 'actions', max: 0, per: '1m' }],
  ['max', { of: 'actions', max: Number.POSITIVE_INFINITY, per: '1m' }],
  ['per', { of: 'actions', max: 1 }],
  ['per', { of: 'actions', max: 1, per: '1 minute' }],
  ['scope', { of: 'actions', max: 1, per: '1m', scope: 'world' }],
  ['arms[0]', { of: 'actions', max: 1, per: '1m', arms: ['nobody'] }],
  ['arms', { of: 'actions', max: 1, per: '1m', arms: [] }],
  ['cost', { of: 'actions', max: 1, per: '1m', cost: 2 }],
  ['cost', { of: 'cost', max: 1, per: '1m', cost: -2 }],
  ['cost.free', { of: 'cost', max: 1, per: '1m', cost: { cheap: 1, dear: 2 } }],
  ['cost.nobody', { of: 'cost', max: 1, per: '1m', cost: { cheap: 1, dear: 2, free: 0, nobody: 1 } }],
  ['units', { of: 'actions', max: 1, per: '1m', units: 5 }],
  ['roaming', { of: 'actions', max: 1, per: '1m', roaming: true }],
])('limit refuses a wrong %s: %j', (field, options) => {
  expect(() => guards.limit(options, pointOf(ids))).toThrow(
    expect.toSatisfy(
      (e: { field: string }) => isGanglionError(e, 'invalid_spec') && e.field === `guards[0].${field}`,
    ),
  );
});
