import type { ArmReport, ModelAnswer, ModelStatus } from '../wire.ts';

type Version = ModelStatus['versions'][number];

/** Where a version stands in the drawing of its lineage: columns by generation, rows within a column. */
export interface Placed {
  readonly version: Version;
  readonly column: number;
  readonly row: number;
}

export interface Lineage {
  readonly placed: readonly Placed[];
  readonly columns: number;
  readonly rows: number;
  /** From parent to child, by place in `placed`. */
  readonly edges: readonly (readonly [parent: number, child: number])[];
}

/**
 * Lays a model's versions out: a version stands right of all that it was made from. Parents of other models, and any that
 * are not among the versions, draw no line. Total: a version that names itself, or a circle, stands where it was registered.
 */
export function lineageOf(versions: readonly Version[]): Lineage {
  const places = new Map(versions.map(({ version }, i) => [version, i]));
  const column = versions.map(() => 0);
  const edges: [number, number][] = [];
  // Registered in order, so parents come before their children: a parent that does not is no ancestor.
  versions.forEach(({ parents }, i) => {
    for (const parent of parents) {
      const p = places.get(parent);
      if (p === undefined || p >= i) continue;
      edges.push([p, i]);
      column[i] = Math.max(column[i], column[p] + 1);
    }
  });
  const taken: number[] = [];
  const placed = versions.map((version, i) => {
    const row = taken[column[i]] ?? 0;
    taken[column[i]] = row + 1;
    return { version, column: column[i], row };
  });
  return { placed, columns: taken.length, rows: Math.max(0, ...taken.map((n) => n ?? 0)), edges };
}

/** Who gets the traffic: the champion what its challengers leave. Those without any are left out. */
export function trafficOf({ versions }: Pick<ModelStatus, 'versions'>): readonly {
  readonly version: string;
  readonly stage: Version['stage'];
  readonly share: number;
}[] {
  const challenged = versions.reduce(
    (sum, v) => sum + (v.stage === 'challenger' && !v.stopped ? v.traffic : 0),
    0,
  );
  return versions
    .map((v) => ({
      version: v.version,
      stage: v.stage,
      share:
        v.stage === 'champion'
          ? Math.max(0, 1 - challenged)
          : v.stage === 'challenger' && !v.stopped
            ? v.traffic
            : 0,
    }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => Number(b.stage === 'champion') - Number(a.stage === 'champion') || b.share - a.share);
}

/** What the arms of a model's versions did at each of its points; arms that are none of it are left out. */
export function armsByPoint(
  answer: ModelAnswer,
): readonly { readonly point: string; readonly arms: readonly ArmReport[] }[] {
  return answer.reports
    .map(({ point, arms }) => ({
      point,
      arms: arms.filter(({ artifact }) => artifact?.model === answer.model),
    }))
    .filter(({ arms }) => arms.length > 0);
}

/** Where a rollback would go; null: there is none to go back to. */
export function rollbackTo({ before, versions }: Pick<ModelStatus, 'before' | 'versions'>): string | null {
  const standing = (name: string) => versions.some((v) => v.version === name && !v.stopped);
  return before.findLast(standing) ?? null;
}
