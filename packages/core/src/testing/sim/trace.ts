/** A hash of everything that happened, for replay; and, where asked for, lines a person can read. */
export interface Trace {
  /** What happened, told only if somebody listens. */
  note(atMs: number, who: string, what: () => string): void;
  /** Folds a number into the hash. */
  fold(value: number): void;
  digest(): string;
  /** The last lines, newest last. */
  readonly recent: string[];
}

const RECENT = 400;

export function trace(listener: ((line: string) => void) | undefined): Trace {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  const recent: string[] = [];
  const words = new Float64Array(1);
  const halves = new Uint32Array(words.buffer);
  const fold = (value: number): void => {
    words[0] = value;
    a = Math.imul(a ^ halves[0], 0x01000193) ^ (a >>> 15);
    b = Math.imul(b ^ halves[1] ^ (a << 3), 0x85ebca6b) ^ (b >>> 13);
  };
  return {
    recent,
    fold,
    digest: () => (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0'),
    note(atMs, who, what) {
      fold(atMs);
      for (let i = 0; i < who.length; i++) fold(who.charCodeAt(i));
      if (listener === undefined) return;
      const line = `${atMs.toFixed(1).padStart(9)}  ${who.padEnd(6)} ${what()}`;
      listener(line);
      recent.push(line);
      if (recent.length > RECENT) recent.shift();
    },
  };
}
