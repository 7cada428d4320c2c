import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { cusum, cusumRunLength } from './cusum.ts';

describe('Bernoulli CUSUM', () => {
  it('its stated run length is the one seen, and not below the one asked', () => {
    for (const options of [
      { from: 0.2, to: 0.4, falseAlarmEvery: 1000 },
      { from: 0.5, to: 0.1, falseAlarmEvery: 300 },
      { from: 0.01, to: 0.05, falseAlarmEvery: 2000 },
    ]) {
      const detector = cusum(options);
      expect(detector.falseAlarm.samples).toBeGreaterThanOrEqual(options.falseAlarmEvery);
      const s = stream(4);
      const state = detector.initial();
      const n = 600_000;
      let alarms = 0;
      for (let i = 0; i < n; i++)
        if (detector.observe(state, { value: s.next() < options.from ? 1 : 0, atMs: i }) !== undefined)
          alarms++;
      const expected = n / detector.falseAlarm.samples;
      expect(Math.abs(alarms - expected)).toBeLessThan(4.5 * Math.sqrt(expected));
    }
  });

  it('finds changes as soon as measured elsewhere at the same false-alarm rate', () => {
    // River-style reference at 8.9k samples between false alarms, p0 = .2: delays 143, 55, 34 to .3, .4, .5. A detector
    // is best at its own rate, so `to` = .35 stands for the middle of them.
    const options = { from: 0.2, to: 0.35, falseAlarmEvery: 8900 };
    expect(cusumRunLength(options, 0.3)).toBeLessThan(1.25 * 143);
    expect(cusumRunLength(options, 0.4)).toBeLessThan(1.15 * 55);
    expect(cusumRunLength(options, 0.5)).toBeLessThan(1.15 * 34);
  });

  it('is exact where it can be worked out by hand: a threshold of one success', () => {
    // From .5 to .9 at few samples: any success alarms at once, so the run length is that of a first success, 1/p.
    const options = { from: 0.001, to: 0.9, falseAlarmEvery: 10 };
    expect(cusum(options).falseAlarm.samples).toBeCloseTo(1000, 6);
    expect(cusumRunLength(options, 0.25)).toBeCloseTo(4, 9);
  });

  it.each([
    [{ from: 0, to: 0.5, falseAlarmEvery: 100 }, 'from'],
    [{ from: 0.5, to: 0.5, falseAlarmEvery: 100 }, 'to'],
    [{ from: 0.5, to: Number.NaN, falseAlarmEvery: 100 }, 'to'],
    [{ from: 0.1, to: 0.5, falseAlarmEvery: 1 }, 'falseAlarmEvery'],
  ])('%j is refused at %s', (options, field) => {
    expect(() => cusum(options)).toThrow(expect.objectContaining({ code: 'invalid_spec', field }));
  });

  it('refuses what is neither 0 nor 1', () => {
    const detector = cusum({ from: 0.1, to: 0.5, falseAlarmEvery: 100 });
    for (const value of [0.5, -1, 2, Number.NaN])
      expect(() => detector.observe(detector.initial(), { value, atMs: 0 })).toThrow(
        expect.objectContaining({ code: 'invalid_input' }),
      );
  });
});
