import type { PointReports } from '../state/model.ts';
import type { PointReport } from '../wire.ts';

/** A part of a report, and the node that says it. */
export interface Told<T> {
  readonly node: string;
  readonly value: T;
}

/**
 * Parts that only nodes which decide can tell: the report that is looked at where it does, else that of the node that decides
 * most among those that do.
 *
 * @param of - the part; undefined where a report has nothing to tell of it.
 */
export function toldBy<T>(
  reports: PointReports,
  looked: PointReport,
  of: (report: PointReport) => T | undefined,
): Told<T> | undefined {
  const own = of(looked);
  if (own !== undefined) return { node: looked.node, value: own };
  const tellers = Object.values(reports.nodes).flatMap(({ value: report }) => {
    const value = of(report);
    return value === undefined
      ? []
      : [{ node: report.node, value, rate: report.decisionsPerSecond, n: report.decisions }];
  });
  return tellers.sort((a, b) => b.rate - a.rate || b.n - a.n)[0];
}

type Members = NonNullable<PointReport['members']>;

/** Correlations that say something: proposals are compared where they are made. */
export function correlationsOf({ members = [] }: PointReport): Members | undefined {
  const known = members.some(({ correlation }, i) => correlation.some((r, j) => j !== i && r !== null));
  return known ? members : undefined;
}

/** A slate's figures, of a report that has ranked anything. */
export function slateOf({ slate }: PointReport): PointReport['slate'] {
  return slate !== undefined && slate.slates > 0 ? slate : undefined;
}

type Constraint = NonNullable<PointReport['constraints']>[number];

/** Constraints by metric and bound, each with its arms in the order of the report. */
export function constraintGroups({ constraints = [] }: PointReport): readonly {
  readonly metric: string;
  readonly bound: number;
  /** At most; else at least. */
  readonly isMax: boolean;
  readonly arms: readonly Constraint[];
}[] {
  const groups = new Map<string, { metric: string; bound: number; isMax: boolean; arms: Constraint[] }>();
  for (const each of constraints) {
    const isMax = each.max !== undefined;
    const bound = each.max ?? each.min ?? 0;
    const key = `${each.metric} ${isMax} ${bound}`;
    const group = groups.get(key) ?? { metric: each.metric, bound, isMax, arms: [] };
    group.arms.push(each);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** A scale for intervals about a bound, a little wider than all of them. */
export function boundScale(
  bound: number,
  estimates: readonly Pick<Constraint, 'mean' | 'low' | 'high'>[],
): readonly [number, number] {
  const ends = [bound, ...estimates.flatMap(({ mean, low, high }) => [mean, low, high])].filter(
    (end) => end !== null,
  );
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = (high - low) * 0.1 || Math.max(Math.abs(bound) * 0.5, 0.01);
  return [low - margin, high + margin];
}
