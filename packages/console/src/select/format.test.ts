import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { THIN } from '../testing.ts';
import {
  age,
  count,
  duration,
  durationMs,
  number,
  percent,
  probability,
  rate,
  shortAge,
  UNKNOWN,
  wholeDuration,
} from './format.ts';

const plain = (text: string) => text.replaceAll(THIN, ' ');

describe('numbers for people', () => {
  it('write what is not known as a dash, never as a figure', () => {
    for (const format of [number, count, rate, duration, percent, probability, age, shortAge, wholeDuration])
      for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY])
        expect(format(value)).toBe(UNKNOWN);
  });

  it('write durations in the unit that a person would choose', () => {
    const cases: [number, string][] = [
      [0, '0 ms'],
      [0.824, '0.82 ms'],
      [9.44, '9.4 ms'],
      [47.9, '48 ms'],
      [412, '412 ms'],
      [999.4, '999 ms'],
      [999.6, '1 s'],
      [1240, '1.24 s'],
      [125_000, '2 min 5 s'],
      [120_000, '2 min'],
      [11_520_000, '3 h 12 min'],
      [4 * 86_400_000, '4 d'],
      [-12, '−12 ms'],
    ];
    for (const [ms, text] of cases) expect(plain(duration(ms))).toBe(text);
  });

  it('tell 99.9 from 99.99 per cent', () => {
    expect(plain(percent(0.999))).toBe('99.90 %');
    expect(plain(percent(0.9999))).toBe('99.99 %');
    expect(plain(percent(0.83))).toBe('83 %');
    expect(plain(percent(0.024))).toBe('2.4 %');
    expect(plain(percent(0))).toBe('0 %');
    expect(plain(percent(1))).toBe('100 %');
  });

  it('never round a probability to a certainty', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), (p) => {
        expect(['0', '1', '0.000', '1.000']).not.toContain(probability(p));
      }),
    );
    expect(probability(1)).toBe('1');
    expect(probability(0)).toBe('0');
  });

  it('keep every digit before the point', () => {
    expect(number(123_456)).toBe('123,456');
    expect(number(-0.0123)).toBe('−0.0123');
    expect(count(12_400)).toBe('12.4k');
    expect(rate(7.36)).toBe('7.4/s');
  });

  it('read the durations of a spec as the runtime does', () => {
    const cases: [unknown, number | null][] = [
      ['250ms', 250],
      ['30s', 30_000],
      ['5m', 300_000],
      ['1h', 3_600_000],
      ['7d', 604_800_000],
      [1500, 1500],
      ['none', null],
      [undefined, null],
    ];
    for (const [declared, ms] of cases) expect(durationMs(declared)).toBe(ms);
  });
});
