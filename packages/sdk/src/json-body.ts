import { GanglionError } from '@ganglion/core';

/**
 * A value as it goes over the wire. JSON would make `null` of numbers that are not finite, without a word, and the daemon
 * could only say that null is none.
 * @throws GanglionError `invalid_input`, naming the field as the daemon would: `[3].metrics.latencyMs`
 */
export function jsonBody(value: unknown): string {
  let text: string | undefined;
  let at: Found | undefined;
  try {
    text = JSON.stringify(value);
    // Within as well: what may just be written may be too deep to be looked through.
    if (text?.includes('null')) at = notFinite(value);
  } catch (cause) {
    throw new GanglionError('invalid_input', 'What was given cannot be sent as JSON', {
      mend: 'Give texts, numbers, booleans, lists and plain objects, none of which contains itself.',
      cause,
    });
  }
  if (at === undefined) return text as string;
  const field = at.path.replace(/^\./, '');
  throw new GanglionError('invalid_input', `${field} is not a finite number`, {
    field,
    value: at.value,
    mend: 'Give a finite number, or leave it out.',
  });
}

interface Found {
  readonly path: string;
  readonly value: number;
}

/** The first number within that is not finite. What has been written as JSON contains no circle. */
function notFinite(value: unknown): Found | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : { path: '', value };
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return undefined;
  for (const [key, each] of Object.entries(value)) {
    const found = notFinite(each);
    if (found === undefined) continue;
    const step = Array.isArray(value) ? `[${key}]` : `.${key}`;
    return { path: `${step}${found.path}`, value: found.value };
  }
  return undefined;
}
