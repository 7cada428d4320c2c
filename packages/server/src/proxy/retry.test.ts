import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { depositRequest, mayRetry, retryBudget, withdrawRetry } from './retry.ts';

const OPTIONS = { max: 2, onStatus: [503], onHeadTimeout: false, ratio: 0.2, minPerSecond: 10 };

describe('what may be retried (RFC 9110 §9.2.2)', () => {
  const base = { error: 'backend_reset', status: undefined, requestSent: true, bodyConsumed: false } as const;

  it('is any request that was never sent', () => {
    for (const method of ['GET', 'POST', 'PATCH', 'CUSTOM'])
      expect(mayRetry({ ...base, method, error: 'backend_unreachable', requestSent: false }, OPTIONS)).toBe(
        true,
      );
  });

  it('is a sent request only where the method is idempotent', () => {
    const retried = (method: string): boolean => mayRetry({ ...base, method }, OPTIONS);
    expect(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].map(retried)).toEqual(Array(5).fill(true));
    expect(['POST', 'PATCH', 'LOCK', 'get'].map(retried)).toEqual(Array(4).fill(false));
  });

  it('is never a request whose body has begun to flow', () => {
    for (const method of ['GET', 'PUT'])
      for (const requestSent of [true, false])
        expect(mayRetry({ ...base, method, requestSent, bodyConsumed: true }, OPTIONS)).toBe(false);
  });

  it('is a status or a late head only where asked for', () => {
    const answered = { ...base, method: 'GET', error: undefined };
    expect(mayRetry({ ...answered, status: 503 }, OPTIONS)).toBe(true);
    expect(mayRetry({ ...answered, status: 500 }, OPTIONS)).toBe(false);
    expect(mayRetry({ ...answered, status: 503, method: 'POST' }, OPTIONS)).toBe(false);
    const late = { ...base, method: 'GET', error: 'backend_head_timeout' } as const;
    expect(mayRetry(late, OPTIONS)).toBe(false);
    expect(mayRetry(late, { ...OPTIONS, onHeadTimeout: true })).toBe(true);
  });

  it('is nothing that the client or the proxy ended', () => {
    for (const error of ['client_gone', 'client_stalled', 'proxy_closed', 'backend_cut'] as const)
      expect(mayRetry({ ...base, method: 'GET', error }, OPTIONS)).toBe(false);
  });
});

describe('retry budget', () => {
  it('law: retries never exceed ratio × requests + minPerSecond × seconds + what it starts with', () => {
    const step = fc.record({ request: fc.boolean(), ms: fc.integer({ min: 0, max: 500 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
        let nowMs = 0;
        let requests = 0;
        let retries = 0;
        const budget = retryBudget(OPTIONS, nowMs);
        for (const { request, ms } of steps) {
          nowMs += ms;
          if (request) {
            requests += 1;
            depositRequest(budget, OPTIONS);
          } else if (withdrawRetry(budget, OPTIONS, nowMs)) retries += 1;
        }
        expect(retries).toBeLessThanOrEqual(0.2 * requests + (10 * nowMs) / 1000 + 100 + 1e-6);
      }),
    );
  });

  it('with nothing per second and no share, allows the one it starts with and no more', () => {
    const none = { ...OPTIONS, ratio: 0, minPerSecond: 0 };
    const budget = retryBudget(none, 0);
    expect([1, 2, 3].map((ms) => withdrawRetry(budget, none, ms * 1e6))).toEqual([true, false, false]);
  });

  it('does not save up a storm from a day of traffic', () => {
    const budget = retryBudget(OPTIONS, 0);
    for (let i = 0; i < 1e6; i++) depositRequest(budget, OPTIONS);
    let retries = 0;
    while (withdrawRetry(budget, OPTIONS, 0)) retries += 1;
    expect(retries).toBe(1000);
  });

  it('survives a clock that steps backwards', () => {
    const budget = retryBudget(OPTIONS, 1000);
    withdrawRetry(budget, OPTIONS, 0);
    expect(budget.tokens).toBe(99);
  });
});
