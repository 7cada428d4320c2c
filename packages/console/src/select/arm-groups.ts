import type { PointReport } from '../wire.ts';
import type { ShareColumns } from './arms.ts';

/** Colours there are; the last is for arms drawn together. */
const COLOURS = 8;

/** What is drawn as one: an arm, or all those that are too many to tell apart. */
export interface ArmGroup {
  readonly title: string;
  /** Places in the report's list of arms. */
  readonly members: readonly number[];
  /** Which of the eight colours. */
  readonly colour: number;
}

/**
 * Up to eight arms are drawn each in its own colour, by their place in the spec, so that no colour wanders. Of more,
 * the seven with the most decisions are, still in the spec's order, and the rest is one group.
 */
export function armGroups(report: PointReport): readonly ArmGroup[] {
  const { arms } = report;
  const single = (place: number, colour: number) => ({ title: arms[place].arm, members: [place], colour });
  if (arms.length <= COLOURS) return arms.map((_, i) => single(i, i));
  const places = arms.map((_, i) => i).sort((a, b) => arms[b].decisions - arms[a].decisions || a - b);
  const drawn = places.slice(0, COLOURS - 1).sort((a, b) => a - b);
  const rest = places.slice(COLOURS - 1).sort((a, b) => a - b);
  return [
    ...drawn.map((place, i) => single(place, i)),
    { title: `${rest.length} others`, members: rest, colour: COLOURS - 1 },
  ];
}

/** An arm's colour as a CSS value; of an arm that the report does not know, a grey. */
export function armColour(report: PointReport | undefined, arm: string | null): string {
  const group =
    report === undefined
      ? undefined
      : armGroups(report).find((one) => one.members.some((place) => report.arms[place].arm === arm));
  return group === undefined ? 'var(--faint)' : groupColour(group);
}

/** A group's colour as a CSS value. */
export function groupColour(group: ArmGroup): string {
  return `var(--arm-${group.colour})`;
}

/** Sums over the members of each group; unknown where all of them are. */
export function groupShares(
  shares: readonly (number | null)[],
  groups: readonly ArmGroup[],
): readonly (number | null)[] {
  return groups.map(({ members }) => {
    const known = members
      .map((place) => shares[place])
      .filter((share) => share !== null && share !== undefined);
    return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0);
  });
}

/** The columns of the groups instead of the arms'. */
export function groupColumns(columns: ShareColumns, groups: readonly ArmGroup[]): ShareColumns {
  if (groups.length === columns.shares.length) return columns;
  const shares = groups.map(({ members }) =>
    columns.seconds.map((_, row) => {
      const known = members.map((place) => columns.shares[place][row]).filter((share) => share !== null);
      return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0);
    }),
  );
  return { ...columns, shares };
}
