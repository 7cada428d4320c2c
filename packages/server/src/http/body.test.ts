import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspect, parseJson, parseYaml } from './body.ts';

const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return expect.fail('was taken');
};
const bytes = (text: string) => Buffer.from(text);

describe('a JSON body', () => {
  it('is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseJson(bytes(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('is refused, not guessed at, when it is not JSON or not UTF-8', () => {
    for (const text of ['', '{', '{"a":1,}', 'NaN', "{'a':1}", '[1]]', '\u0000'])
      expect(refused(() => parseJson(bytes(text)))).toMatchObject({ code: 'invalid_input', field: 'body' });
    expect(refused(() => parseJson(Buffer.from([0x22, 0xff, 0x22])))).toMatchObject({
      message: 'The body is not valid UTF-8',
    });
  });

  it('may have a byte order mark and characters beyond ASCII', () => {
    expect(parseJson(bytes('\ufeff{"größe":"☃"}'))).toEqual({ größe: '☃' });
  });

  it('of any nesting overflows no stack', () => {
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    expect(refused(() => inspect(parseJson(bytes(deep)), 32))).toMatchObject({
      message: 'The body is nested more than 32 deep',
    });
  });
});

describe('an inspected value', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

  it('may be nested as deep as the limit, and not one deeper', () => {
    inspect(nested(32), 32);
    expect(refused(() => inspect(nested(33), 32))).toMatchObject({ code: 'invalid_input' });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('has no key %s, however deep', (key) => {
    const value = parseJson(bytes(`{"a":[{"b":{"${key}":{"polluted":true}}}]}`));
    expect(refused(() => inspect(value, 32))).toMatchObject({ field: `a[0].b.${key}` });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('has no number that JSON cannot hold', () => {
    expect(refused(() => inspect(parseJson(bytes('{"a":[0,1e999]}')), 32))).toMatchObject({
      field: 'a[1]',
      value: 'Infinity',
    });
    expect(refused(() => inspect(parseJson(bytes('-1e999')), 32))).toMatchObject({ value: '-Infinity' });
  });

  it('is told apart by what is wrong with it: too large, or no number at all', () => {
    const yaml = (text: string) => refused(() => parseYaml(bytes(text), 1000, 32));
    expect(yaml('a: 1e999')).toMatchObject({ message: expect.stringContaining('too large') });
    expect(yaml('a: .inf')).toMatchObject({ message: expect.stringContaining('too large') });
    expect(yaml('a: .nan')).toMatchObject({
      field: 'a',
      value: 'NaN',
      message: expect.stringMatching(/^NaN /),
      mend: expect.not.stringContaining('1.8e308'),
    });
  });
});

describe('a YAML body', () => {
  const yaml = (text: string) => parseYaml(bytes(text), 1 << 16, 32);

  it('says the same as JSON', () => {
    expect(yaml('point: p\narms: [on, "2"]\nguards:\n  - { kind: holdout, share: 5% }\n')).toEqual({
      point: 'p',
      arms: ['on', '2'],
      guards: [{ kind: 'holdout', share: '5%' }],
    });
  });

  it.each([
    ['duplicate keys', 'a: 1\na: 2'],
    ['two documents', 'a: 1\n---\nb: 2'],
    ['a bad indentation', 'a:\n  - 1\n - 2'],
    ['an unknown tag', 'a: !!js/function "x"'],
    ['a prototype', '__proto__: { polluted: true }'],
    ['not a number', 'a: .nan'],
    ['a thousand levels', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['a hundred thousand levels', '['.repeat(60_000)],
    [
      'ten thousand laughs',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
    ],
  ])('is refused for %s', (_what, text) => {
    expect(refused(() => yaml(text))).toMatchObject({ code: 'invalid_input' });
  });

  it('larger than its limit is refused before it is read', () => {
    expect(refused(() => yaml(`a: ${'x'.repeat(70_000)}`))).toMatchObject({
      code: 'too_large',
      field: 'body',
    });
  });

  it('of random bytes is taken or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        try {
          parseYaml(Buffer.from(raw), 1 << 16, 32);
        } catch (error) {
          expect(error).toMatchObject({ name: 'GanglionError', code: 'invalid_input' });
        }
      }),
    );
  });
});
