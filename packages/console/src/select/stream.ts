import type { SeenDecision } from '../state/model.ts';

/** What the stream is narrowed to; '' is no condition. */
export interface StreamFilter {
  readonly point: string;
  readonly arm: string;
  readonly reason: string;
  readonly node: string;
  /** Part of an id, a unit or a stratum. */
  readonly text: string;
}

/** Everything passes. */
export const NO_FILTER: StreamFilter = { point: '', arm: '', reason: '', node: '', text: '' };

/** Whether anything is filtered out. */
export function isFiltering(filter: StreamFilter): boolean {
  return Object.values(filter).some((value) => value !== '');
}

/** At most `limit` decisions that fit, in the order given. */
export function filterDecisions(
  decisions: readonly SeenDecision[],
  filter: StreamFilter,
  limit: number,
): readonly SeenDecision[] {
  const text = filter.text.trim().toLowerCase();
  const found: SeenDecision[] = [];
  for (const seen of decisions) {
    if (found.length >= limit) break;
    if (fits(seen, filter, text)) found.push(seen);
  }
  return found;
}

function fits(seen: SeenDecision, filter: StreamFilter, text: string): boolean {
  const { decision, node, unit } = seen;
  if (filter.point !== '' && decision.point !== filter.point) return false;
  if (filter.arm !== '' && decision.arm !== filter.arm) return false;
  if (filter.reason !== '' && decision.reason !== filter.reason) return false;
  if (filter.node !== '' && node !== filter.node) return false;
  if (text === '') return true;
  return [decision.id, unit ?? '', decision.stratum, decision.arm ?? '', decision.reason].some((field) =>
    field.toLowerCase().includes(text),
  );
}

/** The arms and reasons that there are to choose from, sorted. */
export function filterChoices(decisions: readonly SeenDecision[]): {
  readonly arms: readonly string[];
  readonly reasons: readonly string[];
} {
  const arms = new Set(decisions.flatMap((seen) => seen.decision.arm ?? []));
  const reasons = new Set(decisions.map((seen) => seen.decision.reason as string));
  return { arms: [...arms].sort(), reasons: [...reasons].sort() };
}
