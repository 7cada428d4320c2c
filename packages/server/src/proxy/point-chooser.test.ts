import { createNode, type FeedbackItem } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BackendChoice, BackendOutcome } from './balancer.ts';
import { type PointChooser, pointChooser } from './point-chooser.ts';
import { Scope } from './testing.ts';

const scope = new Scope();
afterEach(async () => {
  vi.useRealTimers();
  await scope.close();
});

const DEADLINE_MS = 1000;
const REQUEST = { attempt: 0, method: 'GET', path: '/', unit: 'u', exclude: [], header: () => undefined };

interface Bench {
  readonly node: Awaited<ReturnType<typeof createNode>>;
  readonly chooser: PointChooser;
  /** What the node was told, in order. */
  readonly told: FeedbackItem[];
  /** What it was warned of, in order. */
  readonly errors: unknown[];
  advance(ms: number): void;
}

/** A point over two backends on a node whose clock stands still unless told. */
async function bench(
  backends: Readonly<Record<string, string>> = { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2' },
  arms: readonly string[] = ['a', 'b'],
): Promise<Bench> {
  let ms = 1000;
  let word = 1;
  const node = await createNode({
    name: 'edge',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
      chance: { uint32: () => (word = Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0 },
    },
  });
  await node.apply(
    {
      point: 'backend',
      arms,
      fallback: arms[0],
      policy: { kind: 'balancer' },
      objective: { latencyMs: -0.001, range: [-1, 0] },
      guards: [{ kind: 'exploration', floor: 0.02 }],
      attribution: { window: '1s', default: { latencyMs: 1000, success: 0 } },
    },
    { name: 'me', authority: '*' },
  );
  const told: FeedbackItem[] = [];
  const errors: unknown[] = [];
  const chooser = pointChooser({
    node: {
      ...node,
      feedback: (items) => {
        told.push(...(items as FeedbackItem[]));
        return node.feedback(items);
      },
    },
    point: 'backend',
    backends,
    deadlineMs: DEADLINE_MS,
    onError: (error) => {
      errors.push(error);
    },
  });
  return {
    node,
    chooser,
    told,
    errors,
    advance: (by) => {
      ms += by;
    },
  };
}

function end(fault: BackendOutcome['fault'], status: number | undefined, latencyMs = 5): BackendOutcome {
  return { fault, status, latencyMs, waitMs: latencyMs, totalMs: latencyMs, bytes: 0 };
}

function choose(chooser: PointChooser): BackendChoice {
  const choice = chooser.choose(REQUEST);
  if (choice === undefined) throw new Error('blocked');
  return choice;
}

describe('an arm without a backend', () => {
  it.each(['c', 'constructor'])(
    'that was added above (%s) is passed over, counted, and told of once',
    async (arm) => {
      const { node, chooser, errors } = await bench(undefined, ['a', 'b', arm]);
      const arms = new Set<string>();
      for (let i = 0; i < 200; i++) {
        const choice = choose(chooser);
        arms.add(choice.arm);
        choice.answered?.({ status: 200, latencyMs: 5, waitMs: 5 });
        choice.done(end('none', 200));
      }
      await chooser.flush();
      expect([...arms].sort()).toEqual(['a', 'b']);
      expect(chooser.choices.noBackend).toBeGreaterThan(0);
      expect(errors).toMatchObject([{ code: 'unknown_arm', value: JSON.stringify(arm) }]);
      expect(node.report('backend', 'self').arms.map(({ inflight }) => inflight)).toEqual([0, 0, 0]);
    },
  );

  it('blocks where there is no other, also as the fallback of a killed point', async () => {
    const { node, chooser } = await bench({ b: 'http://127.0.0.1:2' });
    expect(chooser.choose({ ...REQUEST, exclude: ['b'] })).toBeUndefined();
    await node.kill({ scope: 'point:backend', reason: 'drill', by: { name: 'me', authority: '*' } });
    expect(chooser.choose(REQUEST)).toBeUndefined();
  });
});

describe('a client that goes away before the head', () => {
  const gone = (waitMs: number | undefined): BackendOutcome => ({
    ...end('client', undefined),
    error: 'client_gone',
    waitMs,
  });
  const answer = (choice: BackendChoice, waitMs: number): void => {
    choice.answered?.({ status: 200, latencyMs: waitMs, waitMs });
    choice.done(end('none', 200, waitMs));
  };

  it('after it has waited in vain tells of a failure, or the arm that never answers would look spotless', async () => {
    const { node, chooser, advance } = await bench();
    const hanging: BackendChoice[] = [];
    let last = 0;
    for (let i = 0; i < 600; i++) {
      const choice = choose(chooser);
      advance(5);
      if (choice.arm === 'a') answer(choice, 20);
      else hanging[i + 120] = choice;
      hanging[i]?.done(gone(600));
      if (choice.arm === 'b' && i >= 400) last += 1;
      await chooser.flush();
    }
    const [, b] = node.report('backend', 'self').arms;
    const { charged, uncharged } = chooser.choices.abandoned.get('b') ?? { charged: 0, uncharged: 0 };
    expect(charged).toBeGreaterThan(0);
    expect(b.failures).toBe(charged);
    expect(charged + uncharged + b.inflight).toBe(b.decisions);
    expect(last).toBeLessThan(20);
  });

  it.each([
    ['before that', 499],
    ['before its body was sent', undefined],
  ])('%s tells nothing of the backend, and is counted', async (_when, waitMs) => {
    const { chooser, told } = await bench();
    for (let i = 0; i < 100; i++) answer(choose(chooser), 20);
    await chooser.flush();
    told.length = 0;
    const choice = choose(chooser);
    choice.done(gone(waitMs));
    await chooser.flush();
    expect(told).toEqual([]);
    expect(chooser.choices.abandoned.get(choice.arm)).toEqual({ charged: 0, uncharged: 1 });
  });

  it('tells nothing of a backend that usually takes as long', async () => {
    const { chooser, told } = await bench();
    for (let i = 0; i < 100; i++) answer(choose(chooser), 300);
    await chooser.flush();
    told.length = 0;
    choose(chooser).done(gone(880));
    await chooser.flush();
    expect(told).toEqual([]);
    choose(chooser).done(gone(930));
    await chooser.flush();
    expect(told).toMatchObject([{ metrics: { success: 0, latencyMs: DEADLINE_MS } }]);
  });
});

describe('the outcome of a request', () => {
  it('is none where a client went away before the head, also after the window has passed', async () => {
    const { node, chooser, advance } = await bench();
    for (let i = 0; i < 20; i++) choose(chooser).done(end('client', undefined));
    await chooser.flush();
    advance(2000);
    node.tick();
    const report = node.report('backend', 'self');
    expect(report).toMatchObject({ decisions: 20, outcomes: 0, pending: 0 });
    expect(report.arms.map((arm) => [arm.failures, arm.inflight])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it.each([
    ['a whole response', end('none', 200), { success: 1, latencyMs: 5 }],
    ['a response that the backend broke off', end('backend', 200), { success: 0, latencyMs: DEADLINE_MS }],
    ['a whole response that is an error', end('none', 503), { success: 0, latencyMs: DEADLINE_MS }],
    ['a response whose client left in the middle', end('client', 200), { success: 1, latencyMs: 5 }],
    ['a response cut by our own shutdown', end('proxy', 200), { success: 1, latencyMs: 5 }],
  ])('is judged at its end: %s', async (_what, outcome, metrics) => {
    const { node, chooser, told } = await bench();
    const choice = choose(chooser);
    choice.answered?.({ status: outcome.status as number, latencyMs: 5, waitMs: 5 });
    await chooser.flush();
    expect(told).toEqual([]);
    expect(node.report('backend', 'self').arms.map((arm) => arm.inflight)).toEqual([0, 0]);
    choice.done(outcome);
    await chooser.flush();
    expect(told.map((item) => [item.metrics, item.revision])).toEqual([[metrics, undefined]]);
  });

  it.each([
    ['the backend cuts it', 'backend', [1, 0]],
    ['the client leaves', 'client', [1]],
    ['it ends', 'none', [1]],
  ] as const)(
    'of a long stream is told early, and corrected only where %s',
    async (_what, fault, successes) => {
      vi.useFakeTimers();
      const { chooser, told } = await bench();
      const choice = choose(chooser);
      choice.answered?.({ status: 200, latencyMs: 5, waitMs: 5 });
      await vi.advanceTimersByTimeAsync(DEADLINE_MS - 1);
      expect(told).toEqual([]);
      await vi.advanceTimersByTimeAsync(100);
      expect(told.map((item) => item.metrics)).toEqual([{ success: 1, latencyMs: 5 }]);
      choice.done(end(fault, 200));
      await vi.advanceTimersByTimeAsync(100);
      expect(told.map((item) => item.metrics?.success)).toEqual(successes);
      expect(told.map((item) => item.revision)).toEqual(
        successes.length === 1 ? [undefined] : [undefined, 1],
      );
      expect(chooser.outcomes.counts).toMatchObject({ taken: successes.length, rejected: 0 });
    },
  );

  it('has the time that the backend took, not that of the client’s upload', async () => {
    const { chooser, told } = await bench();
    const choice = choose(chooser);
    choice.answered?.({ status: 200, latencyMs: 6500, waitMs: 5 });
    choice.done({ ...end('none', 200, 6500), waitMs: 5 });
    await chooser.flush();
    expect(told.map((item) => item.metrics)).toEqual([{ success: 1, latencyMs: 5 }]);
  });

  it('of a tunnel is told when it opens', async () => {
    const { chooser, told } = await bench();
    choose(chooser).answered?.({ status: 101, latencyMs: 7, waitMs: 7 });
    await chooser.flush();
    expect(told.map((item) => item.metrics)).toEqual([{ success: 1, latencyMs: 7 }]);
  });
});

it('a backend that cuts every response loses its traffic, however fast its heads are', async () => {
  const cutting = await scope.canned(
    `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(10)}`,
    (socket) => socket.end(),
  );
  const whole = await scope.backend((_request, response) =>
    setTimeout(() => response.end('x'.repeat(1000)), 25),
  );
  const { node, chooser, advance } = await bench({ a: cutting, b: whole });
  const { proxy, url } = await scope.proxy({ chooser });
  let failed = 0;
  for (let i = 0; i < 100; i++) {
    await fetch(url)
      .then((response) => response.text())
      .catch(() => failed++);
    await chooser.flush();
    advance(5);
  }
  const [a, b] = node.report('backend', 'self').arms;
  expect(proxy.stats).toMatchObject({ requests: 100, cutResponses: failed });
  expect([a.failures, b.failures]).toEqual([failed, 0]);
  expect(failed).toBeLessThan(20);
});
