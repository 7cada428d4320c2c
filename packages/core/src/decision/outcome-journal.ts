import { ByteReader, ByteWriter } from '../bytes.ts';

/** One thing that happened to a decision after it was made, as the journal keeps it. */
export interface OutcomeEntry {
  readonly prefix: string;
  readonly n: number;
  /**
   * `default`: its window passed and the declared defaults were assumed; `expired`: it passed and nothing was; `withheld`:
   * its outcome came while the learner was frozen.
   */
  readonly kind: 'feedback' | 'default' | 'exposed' | 'expired' | 'withheld';
  readonly revision: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** A truth that is text; others are among the metrics. */
  readonly truth: string | undefined;
}

/** 1 knew no truths of text, 2 nothing of frozen learners; both are still read. */
const FORMAT = 3;
const KINDS = ['feedback', 'default', 'exposed', 'expired', 'withheld'] as const;

export function encodeOutcomes(entries: readonly OutcomeEntry[]): Uint8Array {
  const words = new Map<string, number>();
  const word = (text: string): number => {
    let code = words.get(text);
    if (code === undefined) words.set(text, (code = words.size));
    return code;
  };
  const body = new ByteWriter(entries.length * 48 + 16).varint(entries.length);
  for (const entry of entries) {
    const names = Object.keys(entry.metrics);
    body
      .varint(word(entry.prefix))
      .varint(entry.n)
      .byte(KINDS.indexOf(entry.kind))
      .varint(entry.revision)
      .varint(names.length);
    for (const name of names) body.varint(word(name)).float64(entry.metrics[name]);
    body.varint(entry.truth === undefined ? 0 : 1);
    if (entry.truth !== undefined) body.varint(word(entry.truth));
  }
  const out = new ByteWriter(body.length + words.size * 32).byte(FORMAT).varint(words.size);
  for (const text of words.keys()) out.text(text);
  return out.bytes(body.finish()).finish();
}

/** Of the own disk: read however much it is. @throws GanglionError `undecodable` */
export function decodeOutcomes(chunk: Uint8Array): OutcomeEntry[] {
  const head = new ByteReader(chunk, chunk.length);
  const format = head.byte();
  if (format < 1 || format > FORMAT) head.fail('not an outcome chunk of this version');
  const words: string[] = [];
  for (let i = head.count(1 << 24); i > 0; i--) words.push(head.text(chunk.length));
  const input = new ByteReader(head.bytes(chunk.length), chunk.length);
  const entries: OutcomeEntry[] = [];
  for (let i = input.count(1 << 26); i > 0; i--) {
    const prefix = words[input.varint(words.length - 1)];
    const n = input.varint();
    const kind = KINDS[input.byte()];
    if (kind === undefined) input.fail('an unknown kind of outcome');
    const revision = input.varint();
    const metrics: Record<string, number> = Object.create(null);
    for (let k = input.count(chunk.length); k > 0; k--) {
      const name = words[input.varint(words.length - 1)];
      metrics[name] = input.float64();
    }
    const truth = format > 1 && input.varint(1) === 1 ? words[input.varint(words.length - 1)] : undefined;
    entries.push({ prefix, n, kind, revision, metrics, truth });
  }
  return entries;
}
