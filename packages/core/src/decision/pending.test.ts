import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTED, type DecisionRecord, SETTLED } from './decision-record.ts';
import { at, close, find, keep, type Pending, pendingQueue, shift } from './pending.ts';

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

describe('decisions that are to be counted when their window closes', () => {
  const plan = { counts: true, byEpisode: false };
  const open = (pending: Pending) =>
    Array.from({ length: pending.size }, (_, i) => at(pending, i)).filter(
      ({ state }) => (state & COUNTED) === 0,
    );

  /** Numbers of those that count; `rates`: how many are made at each step; `answers`: after how many steps the outcome comes, if the window is still open. */
  function counted(
    rates: readonly number[],
    windowSteps: number,
    keptSteps: number,
    answers: (n: number) => number,
  ) {
    const pending = pendingQueue(64, plan);
    const made: { record: DecisionRecord; step: number; answered: number }[] = [];
    const numbers: number[] = [];
    for (let step = 0; step < rates.length + keptSteps + 1; step++) {
      for (const each of made) if (each.answered <= step) each.record.state |= SETTLED;
      while (pending.closed < pending.size) {
        const next = at(pending, pending.closed);
        if (step - made[next.n].step < windowSteps) break;
        close(pending);
        next.state |= SETTLED;
        if ((next.state & COUNTED) === 0) numbers.push(next.n);
        next.state |= COUNTED;
      }
      while (pending.closed > 0 && step - made[at(pending, 0).n].step >= keptSteps) shift(pending);
      for (let i = 0; i < (rates[step] ?? 0); i++) {
        const next = record(made.length);
        made.push({ record: next, step, answered: step + 1 + answers(next.n) });
        keep(pending, next, () => {});
        expect(pending.held).toBe(open(pending).length);
        expect(pending.size).toBeLessThanOrEqual(64);
      }
    }
    expect(numbers.length + pending.passedOver).toBe(made.length);
    return numbers;
  }

  it('are the same ones, whatever comes of them, and when', () => {
    const rates = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 10, maxLength: 60 });
    const delays = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 10 }),
        delays,
        delays,
        (made, windowSteps, more, some, others) => {
          const of = (answers: readonly number[]) =>
            counted(made, windowSteps, windowSteps + more, (n) => answers[n % answers.length]);
          expect(of(some)).toEqual(of(others));
        },
      ),
    );
  });

  it('are all of them while a window leaves an eighth of the room free', () => {
    const rates = Array.from({ length: 50 }, () => 11);
    expect(counted(rates, 5, 20, (n) => n % 7)).toHaveLength(550);
  });

  it('are whole episodes, where those count', () => {
    const pending = pendingQueue(256, { counts: true, byEpisode: true });
    const steps = new Map<number, DecisionRecord[]>();
    for (let n = 0; n < 4000; n++) {
      const key = Math.floor(n / 40) * 8 + (n % 8);
      const next = Object.assign(record(n), { noted: [key, 0] });
      steps.set(key, [...(steps.get(key) ?? []), next]);
      keep(pending, next, () => {});
    }
    const held = new Set(open(pending));
    expect(held.size).toBeGreaterThan(20);
    for (const all of steps.values())
      expect([0, all.length]).toContain(all.filter((one) => held.has(one)).length);
  });
});
