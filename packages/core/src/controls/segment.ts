/**
 * Whether a context lies in a segment: every named field equals the value, is one of a list, or lies in
 * `{ min, max }`. `unit` is a field too. An empty segment holds everybody.
 */
export function inSegment(
  segment: Readonly<Record<string, unknown>>,
  context: Readonly<Record<string, unknown>> | undefined,
  unit: string,
): boolean {
  for (const key of Object.keys(segment)) {
    const value =
      key === 'unit'
        ? unit
        : context !== undefined && context !== null && Object.hasOwn(context, key)
          ? context[key]
          : undefined;
    if (!matches(segment[key], value)) return false;
  }
  return true;
}

function matches(condition: unknown, value: unknown): boolean {
  if (Array.isArray(condition)) return condition.includes(value);
  if (typeof condition === 'object' && condition !== null) {
    const { min, max } = condition as { min?: unknown; max?: unknown };
    if (typeof value !== 'number') return false;
    return (typeof min !== 'number' || value >= min) && (typeof max !== 'number' || value <= max);
  }
  return condition === value;
}
