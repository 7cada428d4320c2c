import { describe, expect, it } from 'vitest';
import { patience } from './patience.ts';

describe('a wait is in vain', () => {
  it('never while no arm is known', () => {
    const waits = patience(500);
    expect(waits.boundMs()).toBe(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 4; i++) waits.heard('a', 20);
    expect(waits.boundMs()).toBe(Number.POSITIVE_INFINITY);
    waits.heard('a', 20);
    expect(waits.boundMs()).toBe(500);
  });

  it('from three times the 99th percentile of the best arm on, whatever the others take', () => {
    const waits = patience(500);
    for (let i = 0; i < 1000; i++) {
      waits.heard('quick', i % 50 === 0 ? 400 : 20);
      waits.heard('slow', 3000);
    }
    expect(waits.boundMs()).toBeGreaterThan(1150);
    expect(waits.boundMs()).toBeLessThan(1250);
  });

  it('later where answers become slower, at once, and sooner only when two spans of answers were quicker', () => {
    const waits = patience(1);
    const hear = (count: number, ms: number): number => {
      for (let i = 0; i < count; i++) waits.heard('a', ms);
      return Math.round(waits.boundMs() / 100) * 100;
    };
    expect(hear(1000, 100)).toBe(300);
    expect(hear(30, 1000)).toBe(3000);
    expect(hear(970, 1000)).toBe(3000);
    expect(hear(1000, 100)).toBe(3000);
    expect(hear(50, 100)).toBe(300);
  });
});
