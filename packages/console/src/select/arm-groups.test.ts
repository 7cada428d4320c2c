import { describe, expect, it } from 'vitest';
import { arm, report } from '../testing.ts';
import { armColour, armGroups, groupColumns, groupShares } from './arm-groups.ts';

const many = report('d', { arms: Array.from({ length: 12 }, (_, i) => arm(`m${i}`, i === 3 ? 1000 : i)) });

describe('the arms that are drawn', () => {
  it('are all of them up to eight, coloured by their place in the spec', () => {
    expect(armGroups(report('d')).map((group) => [group.title, group.colour])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  it('are the seven busiest of more, and the others together, none lost and none twice', () => {
    const groups = armGroups(many);
    expect(groups.map((group) => group.title)).toEqual([
      'm3',
      'm6',
      'm7',
      'm8',
      'm9',
      'm10',
      'm11',
      '5 others',
    ]);
    expect(groups.flatMap((group) => group.members).sort((a, b) => a - b)).toEqual(
      many.arms.map((_, i) => i),
    );
  });

  it('have one colour everywhere, and an unknown arm has none of theirs', () => {
    expect(armColour(many, 'm3')).toBe('var(--arm-0)');
    expect(armColour(many, 'm0')).toBe('var(--arm-7)');
    expect([armColour(many, 'gone'), armColour(undefined, 'm3'), armColour(many, null)]).toEqual(
      Array(3).fill('var(--faint)'),
    );
  });

  it('keep the sum of the shares, and what is unknown stays unknown', () => {
    const groups = armGroups(many);
    const shares = groupShares(
      many.arms.map(() => 1 / 12),
      groups,
    );
    expect(shares.reduce<number>((sum, share) => sum + (share ?? 0), 0)).toBeCloseTo(1, 12);
    const columns = groupColumns({ seconds: [1], rows: [0], shares: many.arms.map(() => [null]) }, groups);
    expect(columns.shares).toEqual(groups.map(() => [null]));
  });
});
