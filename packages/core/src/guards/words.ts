/** A share as a person reads it, in percent: at most three digits. */
export function percent(fraction: number): string {
  return String(Number((fraction * 100).toPrecision(3)));
}

/** `a, b, c and 4 more`: a list cut to what fits on a line. */
export function listed(items: readonly string[], most = 3): string {
  if (items.length <= most) return items.join(', ');
  return `${items.slice(0, most).join(', ')} and ${items.length - most} more`;
}
