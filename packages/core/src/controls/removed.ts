/**
 * Tags taken back. Every tag is numbered by who said it, `node~incarnation~n`, so that what is taken back of one origin
 * folds into ranges: it costs no more than what still stands between them. Tags of another form are kept as they are.
 */
export interface Removed {
  /** By origin: ascending, disjoint, and never adjacent, so that equal sets are equal data. */
  readonly ranges: ReadonlyMap<string, readonly Range[]>;
  readonly odd: ReadonlySet<string>;
}

/** Both ends belong to it. */
export type Range = readonly [from: number, to: number];

export const NOTHING_REMOVED: Removed = Object.freeze({ ranges: new Map(), odd: new Set<string>() });

/** Who said a tag, and as which of his sayings; undefined where it has another form. */
export function parseTag(tag: string): { readonly origin: string; readonly n: number } | undefined {
  const match = /^([^~]+~[^~]+)~(0|[1-9]\d{0,14})$/.exec(tag);
  return match === null ? undefined : { origin: match[1], n: Number(match[2]) };
}

/** The node that said a tag. */
export const sayerOf = (tag: string): string => tag.slice(0, Math.max(0, tag.indexOf('~')));

export function isRemoved(removed: Removed, tag: string): boolean {
  const parsed = parseTag(tag);
  if (parsed === undefined) return removed.odd.has(tag);
  const ranges = removed.ranges.get(parsed.origin);
  if (ranges === undefined) return false;
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (ranges[middle][1] < parsed.n) low = middle + 1;
    else if (ranges[middle][0] > parsed.n) high = middle - 1;
    else return true;
  }
  return false;
}

export function removedTags(tags: Iterable<string>): Removed {
  const numbers = new Map<string, Range[]>();
  const odd = new Set<string>();
  for (const tag of tags) {
    const parsed = parseTag(tag);
    if (parsed === undefined) odd.add(tag);
    else {
      const list = numbers.get(parsed.origin);
      if (list === undefined) numbers.set(parsed.origin, [[parsed.n, parsed.n]]);
      else list.push([parsed.n, parsed.n]);
    }
  }
  const ranges = new Map<string, readonly Range[]>();
  for (const [origin, list] of numbers) ranges.set(origin, fold(list));
  return { ranges, odd };
}

/** Ranges in any order, overlapping or not, as the one form of their union. */
export function fold(ranges: readonly Range[]): readonly Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out.at(-1);
    if (last === undefined || from > last[1] + 1) out.push([from, to]);
    else if (to > last[1]) last[1] = to;
  }
  return out;
}

/** Union. Returns `a` itself where `b` adds nothing. */
export function unionRemoved(a: Removed, b: Removed): Removed {
  if (a === b) return a;
  let ranges: Map<string, readonly Range[]> | undefined;
  for (const [origin, theirs] of b.ranges) {
    const mine = a.ranges.get(origin);
    if (mine === theirs) continue;
    const both = mine === undefined ? theirs : fold([...mine, ...theirs]);
    if (mine !== undefined && sameRanges(mine, both)) continue;
    (ranges ??= new Map(a.ranges)).set(origin, both);
  }
  let odd: Set<string> | undefined;
  for (const tag of b.odd) if (!a.odd.has(tag)) (odd ??= new Set(a.odd)).add(tag);
  return ranges === undefined && odd === undefined ? a : { ranges: ranges ?? a.ranges, odd: odd ?? a.odd };
}

const sameRanges = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length && a.every(([from, to], i) => from === b[i][0] && to === b[i][1]);

/** What it costs: ranges and single tags. */
export function sizeOfRemoved(removed: Removed): number {
  let size = removed.odd.size;
  for (const ranges of removed.ranges.values()) size += ranges.length;
  return size;
}
