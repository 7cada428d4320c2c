import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DecisionRecord, SETTLED } from './decision-record.ts';
import { at, find, keep, pendingQueue, shift } from './pending.ts';

const record = (n: number): DecisionRecord => ({ n, state: 0, weight: 1 }) as DecisionRecord;

describe('decisions that await their outcome', () => {
  it('are bounded, in order, found by number, and let go or kept, never both', () => {
    const step = fc.constantFrom('decide', 'decide', 'decide', 'settle the oldest', 'let the oldest go');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const pending = pendingQueue(16);
        const gone = new Set<DecisionRecord>();
        const made: DecisionRecord[] = [];
        for (const what of steps) {
          if (what === 'decide') {
            const next = record(made.length);
            made.push(next);
            keep(pending, next, (dropped) => gone.add(dropped));
          } else if (pending.size > 0 && what === 'settle the oldest') at(pending, 0).state |= SETTLED;
          else if (pending.size > 0) {
            gone.add(at(pending, 0));
            shift(pending);
          }
          const kept = made.filter((each) => !gone.has(each));
          expect(pending.size).toBeLessThanOrEqual(16);
          expect(Array.from({ length: pending.size }, (_, i) => at(pending, i))).toEqual(kept);
          for (const each of made) expect(find(pending, each.n)).toBe(gone.has(each) ? undefined : each);
          expect(pending.records.filter((each) => each !== undefined)).toHaveLength(pending.size);
        }
      }),
    );
  });

  it('stand for all that were made: the weights of a sample add up to about their number', () => {
    const pending = pendingQueue(1024);
    for (let n = 0; n < 100_000; n++) keep(pending, record(n), () => {});
    let sum = 0;
    for (let i = 0; i < pending.size; i++) sum += at(pending, i).weight;
    // 512 to 1024 of them are kept: the relative standard error is below 5 %.
    expect(sum).toBeGreaterThan(80_000);
    expect(sum).toBeLessThan(120_000);
  });
});
