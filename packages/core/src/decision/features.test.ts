import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { standard } from '../presets/standard.ts';
import { compilePoint } from './define.ts';

const LEAST = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'split' } };
const compile = (changes: object) => compilePoint({ ...LEAST, ...changes }, standard, DEFAULT_LIMITS);
const user = (define: object, more: object = {}) => ({ features: { user: { define, ...more } } });
const clicks = user({ clicks: { count: 'click' }, device: { latest: 'device', of: 'click' } });
const showing = (field: object) => ({ ...clicks, context: { x: field } });

describe('a declaration of features is refused, naming the field and what to do', () => {
  test.each<[string, object, string]>([
    ['an entity that is no name', { features: { 'a b': { define: { x: { count: 'y' } } } } }, 'features.a b'],
    ['nothing defined', user({}), 'features.user.define'],
    ['a key that nobody knows', user({ x: { count: 'y' } }, { shards: 2 }), 'features.user.shards'],
    ['a feature that is no name', user({ 'a/b': { count: 'y' } }), 'features.user.define.a/b'],
    ['no kind', user({ x: { of: 'y' } }), 'features.user.define.x'],
    ['two kinds', user({ x: { count: 'y', rate: 'y', halfLife: '1h' } }), 'features.user.define.x'],
    ['no half-life', user({ x: { rate: 'y' } }), 'features.user.define.x.halfLife'],
    ['a type that is no text', user({ x: { count: 7 } }), 'features.user.define.x.count'],
    ['an option that is not there', user({ x: { count: 'y', per: '1h' } }), 'features.user.define.x.per'],
    ['a ratio of nothing', user({ x: { ratio: ['a', 'b'] } }), 'features.user.define.x'],
    ['a ratio of one', user({ a: { count: 'y' }, x: { ratio: ['a'] } }), 'features.user.define.x.ratio'],
    [
      'a ratio of a ratio',
      user({ a: { count: 'y' }, r: { ratio: ['a', 'a'] }, x: { ratio: ['r', 'a'] } }),
      'features.user.define.x',
    ],
    [
      'a ratio of a text',
      user({ a: { count: 'y' }, t: { latest: 'z', of: 'y' }, x: { ratio: ['a', 't'] } }),
      'features.user.define.x',
    ],
    [
      'a condition on a ratio',
      user({ a: { count: 'y' }, x: { ratio: ['a', 'a'], where: { z: 1 } } }),
      'features.user.define.x.where',
    ],
    [
      'a condition that is no value',
      user({ x: { count: 'y', where: { z: [1] } } }),
      'features.user.define.x.where.z',
    ],
    [
      'too many numbers',
      user(
        Object.fromEntries(
          Array.from({ length: 20 }, (_, i) => [`w${i}`, { window: 'y', for: '1h', buckets: 512 }]),
        ),
      ),
      'features.user.define',
    ],
    [
      'more than memory holds',
      user({ x: { window: 'y', for: '1h' } }, { maxEntities: 9_000_000 }),
      'features.user.maxEntities',
    ],
    ['a key that is none', user({ x: { count: 'y' } }, { key: 'session' }), 'features.user.key'],
    ['a time to live that is too short', user({ x: { count: 'y' } }, { ttl: '1ms' }), 'features.user.ttl'],
    ['a field of what is not declared', showing({ feature: 'user.views' }), 'context.x.feature'],
    [
      'a field of another type than its feature',
      showing({ feature: 'user.clicks', type: 'category' }),
      'context.x.type',
    ],
    ['a feature that is required', showing({ feature: 'user.clicks', required: true }), 'context.x.required'],
    ['a default of the wrong type', showing({ feature: 'user.device', default: 0 }), 'context.x.default'],
    ['a default out of bounds', showing({ feature: 'user.clicks', default: 3, max: 2 }), 'context.x.default'],
    ['a default without a feature', { context: { x: { type: 'number', default: 1 } } }, 'context.x.default'],
  ])('%s', (_, changes, field) => {
    expect(() => compile(changes)).toThrow(
      expect.objectContaining({ code: 'invalid_spec', field, mend: expect.any(String) }),
    );
  });

  test('by a registry that knows none', () => {
    const { features: _, ...less } = standard;
    expect(() => compilePoint({ ...LEAST, ...clicks }, less, DEFAULT_LIMITS)).toThrow(
      expect.objectContaining({ code: 'unsupported', field: 'features' }),
    );
  });
});

describe('what a point learns rests on', () => {
  const shape = (rate: object, field: object = {}) =>
    compile({
      ...user({ rate: { rate: 'y', ...rate }, more: { count: 'z' } }),
      context: { x: { feature: 'user.rate', ...field } },
    }).learnerShape;

  test('how the features are computed that its context shows, and on no others', () => {
    expect(shape({ halfLife: '1h' })).not.toBe(shape({ halfLife: '2h' }));
    expect(shape({ halfLife: '1h' })).not.toBe(shape({ halfLife: '1h' }, { default: 0 }));
    const without = compile({
      ...user({ rate: { rate: 'y', halfLife: '1h' } }),
      context: { x: { feature: 'user.rate' } },
    });
    expect(shape({ halfLife: '1h' })).toBe(without.learnerShape);
  });

  test('and not on anything, where no feature is shown', () => {
    expect(compile(clicks).learnerShape).toBe(compile({}).learnerShape);
  });
});
