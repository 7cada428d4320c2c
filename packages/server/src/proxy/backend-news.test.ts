import { expect, it } from 'vitest';
import { type BackendNews, withNews } from './backend-news.ts';
import type { BackendOutcome } from './balancer.ts';

const REQUEST = { attempt: 0, method: 'GET', path: '/', exclude: [], header: () => undefined };
const GOOD: BackendOutcome = { fault: 'none', status: 200, latencyMs: 1, totalMs: 1, bytes: 0 };
const REFUSED: BackendOutcome = {
  fault: 'backend',
  error: 'backend_unreachable',
  latencyMs: 1,
  totalMs: 1,
  bytes: 0,
};

function bench() {
  const news: BackendNews[] = [];
  const done: BackendOutcome[] = [];
  const clock = { ms: 0 };
  const origin = 'http://127.0.0.1:1';
  const chooser = withNews(
    { choose: () => ({ arm: 'a', origin, done: (outcome) => done.push(outcome) }) },
    (each) => news.push(each),
    () => clock.ms,
  );
  const attempts = (...outcomes: readonly BackendOutcome[]): void => {
    for (const outcome of outcomes) chooser.choose(REQUEST)?.done(outcome);
  };
  return { news, done, clock, attempts };
}

it('three failures one after the other are news, once; so are three answers after them', () => {
  const { news, done, clock, attempts } = bench();
  attempts(GOOD, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED);
  clock.ms = 60_000;
  attempts(GOOD, GOOD, GOOD, GOOD);
  const origin = 'http://127.0.0.1:1';
  expect(news).toEqual([
    { backend: 'a', origin, failing: true, why: 'backend_unreachable' },
    { backend: 'a', origin, failing: false },
  ]);
  expect(done).toHaveLength(10);
});

it('a failure now and then is no news, nor is what the client or the proxy did', () => {
  const { news, attempts } = bench();
  attempts(REFUSED, GOOD, REFUSED, REFUSED, GOOD);
  for (const fault of ['client', 'proxy'] as const) attempts(...Array(5).fill({ ...REFUSED, fault }));
  expect(news).toEqual([]);
});

it('an answer that says 503 is a failure', () => {
  const { news, attempts } = bench();
  attempts(...Array(3).fill({ ...GOOD, status: 503 }));
  expect(news).toMatchObject([{ failing: true, why: 'status 503' }]);
});

it('one that flaps is news every ten seconds at most, and what stands then is what is told', () => {
  const { news, clock, attempts } = bench();
  for (; clock.ms < 60_000; clock.ms += 100)
    attempts(...Array(3).fill((clock.ms / 100) % 2 === 0 ? REFUSED : GOOD));
  expect(news.length).toBeGreaterThan(2);
  expect(news.length).toBeLessThanOrEqual(6);
});
