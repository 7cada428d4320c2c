import { describe, expect, it } from 'vitest';
import { rateLimiter } from './rate.ts';

/** How many of `calls` at this moment pass. */
const passing = (limiter: ReturnType<typeof rateLimiter>, client: string, calls: number): number => {
  let passed = 0;
  for (let i = 0; i < calls; i++)
    try {
      limiter.take(client);
      passed++;
    } catch (error) {
      expect(error).toMatchObject({ code: 'rate_limited', headers: { 'retry-after': '1' } });
    }
  return passed;
};

describe('a rate limiter', () => {
  it('lets twice the rate pass at once, and the rate for good', () => {
    let now = 0;
    const limiter = rateLimiter(10, 100, () => now);
    expect(passing(limiter, 'a', 100)).toBe(20);
    let passed = 0;
    for (let second = 0; second < 100; second++) {
      now += 1000;
      passed += passing(limiter, 'a', 100);
    }
    expect(passed).toBe(1000);
  });

  it('counts each client for itself', () => {
    const limiter = rateLimiter(10, 100, () => 0);
    expect(passing(limiter, 'a', 100)).toBe(20);
    expect(passing(limiter, 'b', 100)).toBe(20);
    expect(passing(limiter, 'a', 100)).toBe(0);
  });

  it('remembers a bounded number of clients, forgetting the longest silent', () => {
    const limiter = rateLimiter(10, 3, () => 0);
    expect(passing(limiter, 'a', 20)).toBe(20);
    for (const client of ['b', 'c', 'a', 'd']) passing(limiter, client, 1);
    expect(passing(limiter, 'a', 1)).toBe(0);
    for (const client of ['e', 'f', 'g']) passing(limiter, client, 1);
    expect(passing(limiter, 'a', 1)).toBe(1);
  });

  it('at rate 0 limits nothing', () => {
    expect(
      passing(
        rateLimiter(0, 3, () => 0),
        'a',
        1000,
      ),
    ).toBe(1000);
  });
});
