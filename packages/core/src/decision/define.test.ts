import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { standard } from '../presets/standard.ts';
import { compilePoint } from './define.ts';

const define = (arms: unknown) =>
  compilePoint(
    { point: 'p', arms, fallback: 'a0', policy: { kind: 'thompson' } } as never,
    standard,
    DEFAULT_LIMITS,
  );

describe('the arms of a point', () => {
  it.each([0, 100_000])('are 1 to 1024: %i are refused with their number', (count) => {
    const arms = Array.from({ length: count }, (_, i) => `a${i}`);
    expect(() => define(arms)).toThrow(
      expect.objectContaining({
        code: 'invalid_spec',
        message: `arms must have 1 to 1024 items, not ${count}`,
      }),
    );
  });

  it('are a list', () => {
    expect(() => define('a0')).toThrow(
      expect.objectContaining({ code: 'invalid_spec', message: 'arms must be a list' }),
    );
  });
});

describe('a key that points do not have', () => {
  it('is refused with the one that was probably meant', () => {
    const point = { point: 'p', arms: ['a0'], fallback: 'a0', polcy: {}, policy: { kind: 'thompson' } };
    expect(() => compilePoint(point as never, standard, DEFAULT_LIMITS)).toThrow(
      expect.objectContaining({
        code: 'invalid_spec',
        field: 'polcy',
        mend: expect.stringMatching(/^Did you mean policy\? Otherwise remove it, or use one of: point, /),
      }),
    );
  });
});
