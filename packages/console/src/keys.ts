/** What a key, or two in a row, does. */
export interface Shortcut {
  /** One key, or two one after the other: `g p`. */
  readonly keys: string;
  readonly title: string;
  readonly run: () => void;
}

/** Two keys belong together when the second comes within this. */
const CHORD_MS = 1_200;

/**
 * Recognises shortcuts in a stream of keys. Pure of the DOM: feed it keys and times.
 *
 * @returns what to run, or undefined; `pending` is true while a first key waits for its second.
 */
export function keyReader(
  shortcuts: () => readonly Shortcut[],
): (key: string, nowMs: number) => Shortcut | undefined {
  let first = '';
  let firstMs = 0;
  return (key, nowMs) => {
    const chord = first !== '' && nowMs - firstMs <= CHORD_MS ? `${first} ${key}` : '';
    const all = shortcuts();
    const found = all.find((one) => one.keys === chord) ?? all.find((one) => one.keys === key);
    const opens = found === undefined && all.some((one) => one.keys.startsWith(`${key} `));
    first = opens ? key : '';
    firstMs = nowMs;
    return found;
  };
}

/** Whether a key press belongs to the element it was made in, and must be left alone. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
