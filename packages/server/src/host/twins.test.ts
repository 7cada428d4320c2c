import { describe, expect, it } from 'vitest';
import { watchTwins } from './twins.ts';

/** Who was found while these links, by letter, spoke under one name; `a!` is the end of a link. */
function found(spoken: string): number {
  const links = new Map<string, object>();
  let told = 0;
  const turns = watchTwins(() => told++);
  for (const each of spoken.split(' ')) {
    const [letter] = each;
    const link = links.get(letter) ?? {};
    links.set(letter, link);
    if (each.endsWith('!')) turns.ended(link);
    else turns.spoke(link, 'phone');
  }
  return told;
}

describe('two links under one name', () => {
  it('that speak by turns are two nodes, told at each turn', () => {
    expect(found('a b a b')).toBe(0);
    expect(found('a b a b a')).toBe(1);
    expect(found('a b a b a b a')).toBe(3);
    expect(found('a b c a b c')).toBe(1);
  });

  it('that follow one another are a child that connected anew', () => {
    expect(found('a a a a! b b b! c c')).toBe(0);
    expect(found('a b b c c d d e e')).toBe(0);
  });

  it('of which the former still brings what was under way are one child', () => {
    expect(found('a b a b b b a! b b c b c b! c c d c d c! d d')).toBe(0);
  });

  it('are nothing to those of other names', () => {
    const told: string[] = [];
    const turns = watchTwins((name) => told.push(name));
    const [a, b] = [{}, {}];
    for (let i = 0; i < 10; i++) {
      turns.spoke(a, 'phone');
      turns.spoke(b, 'tablet');
    }
    expect(told).toEqual([]);
  });
});
