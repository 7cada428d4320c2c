import type { EvaluatedCandidate, PointSpec } from '../wire.ts';

type Estimate = EvaluatedCandidate['estimates'][number];

/** What an estimator says of the candidate beside the log: its whole interval on one side of no difference, or not. */
export function saying({ difference }: Pick<Estimate, 'difference'>): 'better' | 'worse' | 'undecided' {
  return difference.low > 0 ? 'better' : difference.high < 0 ? 'worse' : 'undecided';
}

/** All estimators together. They are not votes: where they differ beyond their intervals, none is to be believed. */
export interface Conclusion {
  readonly tone: 'ok' | 'stop' | 'info' | 'warn';
  readonly title: string;
  readonly words: string;
}

export function concludeFrom(candidate: Pick<EvaluatedCandidate, 'refused' | 'estimates'>): Conclusion {
  const { refused, estimates } = candidate;
  if (refused.length > 0)
    return {
      tone: 'warn',
      title: 'Refused: the log does not know',
      words:
        'There is no estimate, for a number with a warning beside it is soon copied without the warning.',
    };
  const of = (word: ReturnType<typeof saying>) => estimates.filter((each) => saying(each) === word).length;
  const [better, worse, all] = [of('better'), of('worse'), estimates.length];
  if (better > 0 && worse > 0)
    return {
      tone: 'warn',
      title: 'The estimators contradict each other',
      words: `${better} say better and ${worse} say worse than the log: believe none of them before you know why.`,
    };
  if (better + worse === 0)
    return {
      tone: 'info',
      title: 'Not distinguishable from what the log did',
      words: `${all === 1 ? 'Its interval includes' : 'All intervals include'} no difference.`,
    };
  const word = better > 0 ? 'better' : 'worse';
  const agree = Math.max(better, worse);
  return {
    tone: better > 0 ? 'ok' : 'stop',
    title:
      agree === all
        ? `${word === 'better' ? 'Better' : 'Worse'} than what the log did`
        : `Probably ${word} than what the log did`,
    words:
      agree === all ? 'Every estimator says so.' : `${agree} of ${all} estimators say so, none the contrary.`,
  };
}

/** A scale for the estimates and the log's own value, a little wider than all their intervals. */
export function estimateScale(
  candidate: Pick<EvaluatedCandidate, 'logged' | 'estimates'>,
): readonly [number, number] {
  const ends = [candidate.logged, ...candidate.estimates].flatMap((each) =>
    each === null ? [] : [each.low, each.high, each.value],
  );
  const known = ends.filter((end) => Number.isFinite(end));
  if (known.length === 0) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const margin = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.1, 0.05);
  return [low - margin, high + margin];
}

/** What these policies look at beside evidence and context, so that no log can judge them; the daemon refuses them. */
export const LOOKS_AT: Readonly<Record<string, string>> = {
  balancer: 'requests in flight',
  'round-robin': 'whose turn it is',
};

/** What the policy that stands, or one it is made of, looks at and no log keeps; undefined: nothing. */
export function unloggedOf(policy: unknown): string | undefined {
  if (typeof policy !== 'object' || policy === null) return undefined;
  const { kind, members, rules } = policy as { kind?: unknown; members?: unknown; rules?: unknown };
  if (typeof kind === 'string' && Object.hasOwn(LOOKS_AT, kind)) return LOOKS_AT[kind];
  const parts: unknown[] = [
    ...(Array.isArray(members) ? members : []),
    ...(Array.isArray(rules) ? rules.map((rule: { policy?: unknown } | null) => rule?.policy) : []),
  ];
  for (const part of parts) {
    const found = unloggedOf(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a candidate begins as: the policy that stands, with the context it reads. */
export function currentCandidate(spec: PointSpec): object {
  return { policy: spec.policy, ...(spec.context === undefined ? {} : { context: spec.context }) };
}

/** The bins of a histogram of weights, that of weight 0 first where there is one. */
export function weightBars({ zero, bins }: EvaluatedCandidate['weights']): readonly {
  readonly title: string;
  readonly rows: number;
}[] {
  return [
    ...(zero > 0 ? [{ title: '0', rows: zero }] : []),
    ...bins.map(({ from, rows }) => ({ title: powerWords(from), rows })),
  ];
}

/** 1/8, ½ … as fractions below 1, whole numbers from there on. */
function powerWords(value: number): string {
  if (value < 1) return `1⁄${Math.round(1 / value)}`;
  return value < 1000 ? String(value) : `${Math.round(value / 1024)}k`;
}
