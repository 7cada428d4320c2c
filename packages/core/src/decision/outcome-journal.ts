import { ByteReader, ByteWriter } from '../bytes.ts';

/** One thing that happened to a decision after it was made, as the journal keeps it. */
export interface OutcomeEntry {
  readonly prefix: string;
  readonly n: number;
  /** `default`: its window passed and the declared defaults were assumed. */
  readonly kind: 'feedback' | 'default' | 'exposed';
  readonly revision: number;
  readonly metrics: Readonly<Record<string, number>>;
}

const FORMAT = 1;
const KINDS = ['feedback', 'default', 'exposed'] as const;
const MAX_CHUNK = 64 << 20;

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
  }
  const out = new ByteWriter(body.length + words.size * 32).byte(FORMAT).varint(words.size);
  for (const text of words.keys()) out.text(text);
  return out.bytes(body.finish()).finish();
}

/** @throws GanglionError `undecodable` */
export function decodeOutcomes(chunk: Uint8Array): OutcomeEntry[] {
  const head = new ByteReader(chunk, MAX_CHUNK);
  if (head.byte() !== FORMAT) head.fail('not an outcome chunk of this version');
  const words: string[] = [];
  for (let i = head.count(1 << 24); i > 0; i--) words.push(head.text(4096));
  const input = new ByteReader(head.bytes(MAX_CHUNK), MAX_CHUNK);
  const entries: OutcomeEntry[] = [];
  for (let i = input.count(1 << 26); i > 0; i--) {
    const prefix = words[input.varint(words.length - 1)];
    const n = input.varint();
    const kind = KINDS[input.byte()];
    if (kind === undefined) input.fail('an unknown kind of outcome');
    const revision = input.varint();
    const metrics: Record<string, number> = Object.create(null);
    for (let k = input.count(64); k > 0; k--) {
      const name = words[input.varint(words.length - 1)];
      metrics[name] = input.float64();
    }
    entries.push({ prefix, n, kind, revision, metrics });
  }
  return entries;
}
