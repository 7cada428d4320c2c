import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Evidence } from '../evidence.ts';
import { DEFAULT_LIMITS, type Limits, type Problem } from '../limits.ts';

/** Evidence of several learners side by side, in a fixed order. */
export interface Product {
  readonly parts: unknown[];
}

const SLACK = 1e-6;

/**
 * Several kinds of evidence as one: the product of commutative monoids is one too, so everything is done part by part.
 * The first part counts every outcome; no other part may claim to have seen more.
 *
 * @param name - name and version of the whole, such as `ensemble/1`.
 */
export function product(name: string, parts: readonly Evidence<unknown>[]): Evidence<Product> {
  const [count] = parts;
  const each = (
    a: Product,
    b: Product,
    join: (part: Evidence<unknown>, x: unknown, y: unknown) => unknown,
  ) => ({
    parts: parts.map((part, i) => join(part, a.parts[i], b.parts[i])),
  });
  const subtractable = parts.every((part) => part.subtract !== undefined);
  return {
    name,
    zero: () => ({ parts: parts.map((part) => part.zero()) }),
    add: (a, b) => each(a, b, (part, x, y) => part.add(x, y)),
    scale: (a, weight) => ({ parts: parts.map((part, i) => part.scale(a.parts[i], weight)) }),
    ...(subtractable
      ? { subtract: (a: Product, b: Product) => each(a, b, (part, x, y) => part.subtract?.(x, y)) }
      : {}),
    outcomes: (evidence) => count.outcomes(evidence.parts[0]),
    validate: (evidence, limits) => validate(parts, evidence, limits),
    inFuture: (evidence, nowMs, slackMs, heaviest) => {
      for (const [i, part] of parts.entries()) {
        const found = part.inFuture?.(evidence.parts[i], nowMs, slackMs, heaviest);
        if (found !== undefined) return { ...found, field: `parts[${i}].${found.field}` };
      }
      return undefined;
    },
    fit: (evidence, maxBytes) => fitted(parts, evidence, maxBytes).evidence,
    // Each part has its own bound, and together they may be too much to be taken in again, here or above.
    encode: (evidence) => {
      const { bytes } = fitted(parts, evidence, DEFAULT_LIMITS.evidenceBytes);
      const writer = new ByteWriter(1024).varint(parts.length);
      for (const each of bytes) writer.bytes(each);
      return writer.finish();
    },
    decode: (bytes, limits) => decode(parts, bytes, limits),
  };
}

/** The largest part that can gives way first. */
function fitted(
  parts: readonly Evidence<unknown>[],
  evidence: Product,
  maxBytes: number,
): { evidence: Product; bytes: Uint8Array[] } {
  const bytes = parts.map((part, i) => part.encode(evidence.parts[i]));
  // A length before each part, and how many there are.
  let excess = bytes.reduce((sum, each) => sum + each.length + 4, 8) - maxBytes;
  if (excess <= 0) return { evidence, bytes };
  const kept = [...evidence.parts];
  const order = parts.map((_, i) => i).sort((a, b) => bytes[b].length - bytes[a].length);
  for (const i of order) {
    const before = bytes[i].length;
    const less = excess <= 0 ? undefined : parts[i].fit?.(kept[i], Math.max(0, before - excess));
    if (less === undefined) continue;
    kept[i] = less;
    bytes[i] = parts[i].encode(less);
    excess -= before - bytes[i].length;
  }
  return { evidence: { parts: kept }, bytes };
}

function validate(
  parts: readonly Evidence<unknown>[],
  evidence: Product,
  limits: Limits,
): Problem | undefined {
  if (evidence.parts.length !== parts.length)
    return { code: 'implausible_evidence', field: 'parts', message: `there must be ${parts.length} parts` };
  const all = parts[0].outcomes(evidence.parts[0]);
  for (const [i, part] of parts.entries()) {
    const found = part.validate(evidence.parts[i], limits);
    if (found !== undefined) return { ...found, field: `parts[${i}].${found.field}` };
    if (part.outcomes(evidence.parts[i]) > all * (1 + SLACK))
      return {
        code: 'implausible_evidence',
        field: `parts[${i}]`,
        message: `part ${i} claims more outcomes than there were`,
      };
  }
  return undefined;
}

function decode(parts: readonly Evidence<unknown>[], bytes: Uint8Array, limits: Limits): Product {
  const reader = new ByteReader(bytes, limits.evidenceBytes);
  if (reader.varint() !== parts.length) reader.fail(`there must be ${parts.length} parts`);
  const decoded = parts.map((part) => part.decode(reader.bytes(limits.evidenceBytes), limits));
  reader.end();
  return { parts: decoded };
}
