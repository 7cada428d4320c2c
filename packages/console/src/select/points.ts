import type { PointReports, State } from '../state/model.ts';
import type { PointMode, PointSpec } from '../wire.ts';
import { decayedOf } from './validation.ts';

/** A point's mode over the tree: the answering node's, and where nodes differ. */
export interface ShownMode {
  readonly mode: PointMode;
  readonly why: string;
  /** Nodes that are not in this mode, by theirs: a kill of one node must not hide behind a learning tree. */
  readonly elsewhere: readonly { readonly node: string; readonly mode: PointMode }[];
}

/** The order in which modes call for attention. */
const GRAVITY: Readonly<Record<PointMode, number>> = {
  killed: 3,
  lease_expired: 2,
  overridden: 1,
  learning: 0,
};
/** Beside them: a learner that was frozen waits for a person, who pinned an arm himself. */
const FROZEN = 1.5;
const DECAYS = 0.5;

export function modeOf(reports: PointReports): ShownMode {
  const { mode, why } = reports.merged.value;
  const elsewhere = Object.values(reports.nodes)
    .map((heard) => ({ node: heard.value.node, mode: heard.value.mode }))
    .filter((one) => one.mode !== mode && one.node !== reports.merged.value.node);
  return { mode, why, elsewhere };
}

/** What the mode means for the traffic, one sentence. */
export const MODE_WORDS: Readonly<Record<PointMode, { readonly title: string; readonly meaning: string }>> = {
  learning: { title: 'Learning', meaning: 'The policy decides, within its guards.' },
  killed: { title: 'Killed', meaning: 'A kill stands: the fallback is served.' },
  lease_expired: { title: 'Lease expired', meaning: 'No lease from the root: the fallback is served.' },
  overridden: { title: 'Overridden', meaning: 'A person pinned an arm.' },
};

/** The gravest mode anywhere on the point. */
export function gravestMode(reports: PointReports): PointMode {
  const { mode, elsewhere } = modeOf(reports);
  return [mode, ...elsewhere.map((one) => one.mode)].reduce((a, b) => (GRAVITY[b] > GRAVITY[a] ? b : a));
}

function attention(reports: PointReports): number {
  const { frozen, said } = decayedOf(reports);
  const decayed = frozen.length > 0 ? FROZEN : said.length > 0 ? DECAYS : 0;
  return Math.max(GRAVITY[gravestMode(reports)], decayed);
}

/** Points for the overview: those that call for attention first, then the busiest. */
export function pointsByAttention(state: Pick<State, 'points' | 'reports'>): readonly PointSpec[] {
  const rank = (spec: PointSpec): readonly [number, number] => {
    const reports = state.reports[spec.point];
    if (reports === undefined) return [0, -1];
    // By the order of magnitude of all decisions so far: a list that is read must not shuffle with the rate.
    return [attention(reports), Math.floor(Math.log10(1 + reports.merged.value.decisions))];
  };
  const ranked = state.points.map(({ spec }) => ({ spec, rank: rank(spec) }));
  return ranked
    .sort(
      (a, b) => b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1] || a.spec.point.localeCompare(b.spec.point),
    )
    .map(({ spec }) => spec);
}

/** The fallback in words: an arm, or a decision table. */
export function fallbackWords(spec: PointSpec): string {
  return typeof spec.fallback === 'string' ? spec.fallback : `a table of ${spec.fallback.rules.length} rules`;
}

/** How a point counts in a summary: by its gravest mode; one whose learner is frozen somewhere does not count as learning. */
export type CountedAs = PointMode | 'frozen';

export function countedAs(reports: PointReports): CountedAs {
  const mode = gravestMode(reports);
  return mode === 'learning' && decayedOf(reports).frozen.length > 0 ? 'frozen' : mode;
}

/** How many points there are of each. */
export function modeCounts(reports: State['reports']): Readonly<Record<CountedAs, number>> {
  const counts = { learning: 0, killed: 0, lease_expired: 0, overridden: 0, frozen: 0 };
  for (const one of Object.values(reports)) counts[countedAs(one)]++;
  return counts;
}
