import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Evidence } from '../evidence.ts';

/** How many outcomes there were, whatever else was kept of them. */
export interface Count {
  n: number;
}

/**
 * Evidence `count/1`, for the first part of a product: learners with a bound on their rows forget the most faded ones, and then
 * hold fewer outcomes than there were.
 */
export const count: Evidence<Count> = {
  name: 'count/1',
  zero: () => ({ n: 0 }),
  add: (a, b) => ({ n: a.n + b.n }),
  subtract: (a, b) => ({ n: a.n - b.n }),
  scale: ({ n }, weight) => ({ n: n * weight }),
  outcomes: ({ n }) => n,
  validate: ({ n }) =>
    n >= 0 && n < Number.POSITIVE_INFINITY
      ? undefined
      : { code: 'implausible_evidence', field: 'n', message: 'counts fewer than none' },
  encode: ({ n }) => new ByteWriter(16).float64(n).finish(),
  decode(bytes, limits) {
    const reader = new ByteReader(bytes, limits.evidenceBytes);
    const n = reader.finite();
    reader.end();
    return { n };
  },
};
