/**
 * The name that was probably meant: the nearest within `most` slips, by default two or a third of its length; undefined
 * where none is near.
 */
export function nearest(
  name: string,
  known: readonly string[],
  most = Math.max(2, Math.floor(name.length / 3)),
): string | undefined {
  let best: string | undefined;
  // A name of which no letter stays is another name.
  let least = Math.min(name.length, most + 1);
  for (const each of known) {
    const slips = distance(name.toLowerCase(), each.toLowerCase(), least);
    if (slips < least) [best, least] = [each, slips];
  }
  return best;
}

/** What to do about a key that nobody reads: the one that was probably meant comes first. */
export function unknownKeyMend(key: string, keys: readonly string[]): string {
  if (keys.length === 0) return 'Remove it.';
  const meant = nearest(key, keys);
  const hint = meant === undefined ? 'Remove' : `Did you mean ${meant}? Otherwise remove`;
  return `${hint} it, or use one of: ${keys.join(', ')}.`;
}

/** Optimal string alignment: letters put in, left out, replaced, or two of them swapped. Not counted beyond `most`. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
