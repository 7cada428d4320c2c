import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { decodeControls, encodeControls } from './control-codec.ts';
import { joinControls } from './control-state.ts';
import { isRemoved } from './removed.ts';
import { parseScope, readScope, ruleOn } from './scope.ts';
import { inSegment } from './segment.ts';

const any = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, maxDepth: 4 });
const orAny = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 60, arbitrary }, { weight: 1, arbitrary: fc.jsonValue() });
const name = orAny(fc.constantFrom('cloud', 'd1', 'p', 'constructor'));
const tag = orAny(fc.constantFrom('cloud~x~1', 'd1~x~2', 'd1~x~1e9', '~', 'x~~~1', 'd1~x~999999999999999'));
const origin = orAny(fc.constantFrom('cloud~x', 'd1~x'));
const count = orAny(fc.oneof(fc.nat(), fc.nat(9)));
const range = fc.tuple(fc.nat(20), fc.nat(20)).map(([from, more]) => [from, from + more]);
const said = (rest: Record<string, fc.Arbitrary<unknown>>) =>
  orAny(fc.record({ tag, subtree: name, reason: name, by: name, atMs: count, ...rest }));
const list = (item: fc.Arbitrary<unknown>) => orAny(fc.array(item, { maxLength: 4 }));
const controls = fc.record({
  kills: list(said({ scope: orAny(fc.constantFrom('*', 'point:p', 'node:', 'galaxy:m31')) })),
  overrides: list(
    said({
      point: name,
      arm: name,
      segment: orAny(fc.dictionary(fc.string(), fc.jsonValue())),
      expiresMs: count,
    }),
  ),
  quarantines: list(said({ node: name })),
  removed: list(tag),
  ranges: list(orAny(fc.tuple(origin, list(orAny(range))))),
  specs: list(
    orAny(
      fc.record({
        point: name,
        version: count,
        node: name,
        spec: orAny(fc.constant(null)),
        generations: orAny(fc.constant({ a: 1 })),
      }),
    ),
  ),
  resets: list(orAny(fc.tuple(name, count))),
});

describe('controls from a link', () => {
  test('are read, or refused as undecodable; what is read can be joined, asked and written', () => {
    let read = 0;
    fc.assert(
      fc.property(orAny(controls), orAny(controls), (a, b) => {
        const states = [a, b].flatMap((json) => {
          try {
            return [decodeControls(json, DEFAULT_LIMITS)];
          } catch (error) {
            expect(isGanglionError(error, 'undecodable')).toBe(true);
            return [];
          }
        });
        for (const state of states) {
          read++;
          const joined = joinControls(states[0], state);
          expect(joinControls(joined, state)).toBe(joined);
          ruleOn(joined, { point: 'p', domain: 'default', tier: 'device', path: ['d1', 'cloud'] });
          for (const each of ['d1~x~2', '~', 'x']) isRemoved(joined.removed, each);
          encodeControls(joined);
        }
      }),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(100);
  });

  test('a declaration under another name than its own is refused', () => {
    const spec = { point: 'q', arms: ['a'], fallback: 'a', policy: { kind: 'thompson' } };
    const json = {
      kills: [],
      overrides: [],
      quarantines: [],
      removed: [],
      specs: [{ point: 'p', version: 1, node: 'cloud', spec, generations: {} }],
      resets: [],
    };
    expect(() => decodeControls(json, DEFAULT_LIMITS)).toThrow(/controls\.specs\[0\]\.spec\.point/);
  });

  test('a scope is read or refused; one that is not understood stops everything', () => {
    fc.assert(
      fc.property(fc.oneof(any, fc.string()), (scope) => {
        try {
          parseScope(scope);
        } catch (error) {
          expect(isGanglionError(error, 'invalid_input')).toBe(true);
          expect(readScope(scope as string)).toEqual({ kind: '*' });
        }
      }),
    );
  });

  test('no segment and no context make a match throw', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), any),
        fc.option(fc.dictionary(fc.string(), any)),
        (segment, context) => {
          expect(typeof inSegment(segment, context ?? undefined, 'u')).toBe('boolean');
        },
      ),
    );
  });
});
