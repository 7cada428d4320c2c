import { isGanglionError } from '../errors.ts';
import type { Evidence } from '../evidence.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Stream } from '../stats/random.ts';
import { copyOf, countNumbers, demand, difference, type Law, withNumber } from './law.ts';

/** An evidence under test. */
export interface EvidenceSubject<E> {
  readonly evidence: Evidence<E>;
  /** Evidence that real outcomes could have made; now and then empty. Fresh each time. */
  arbitrary(random: Stream): E;
  /** Where two differ beyond 1e-9, for statistics whose sums may cancel; by default number by number. */
  differ?(a: E, b: E): string;
}

const TOLERANCE = 1e-9;

/** What every `Evidence` must do (see the contract). */
export function evidenceLaws<E>(subject: EvidenceSubject<E>): readonly Law[] {
  return [...monoid(subject), ...arithmetic(subject), ...codec(subject), ...plausibility(subject)];
}

function monoid<E>(subject: EvidenceSubject<E>): Law[] {
  const { evidence, arbitrary } = subject;
  return [
    {
      law: 'add is commutative',
      run(random) {
        const [a, b] = [arbitrary(random), arbitrary(random)];
        same(subject, evidence.add(a, b), evidence.add(b, a), 'a + b and b + a');
      },
    },
    {
      law: 'add is associative',
      run(random) {
        const [a, b, c] = [arbitrary(random), arbitrary(random), arbitrary(random)];
        same(
          subject,
          evidence.add(evidence.add(a, b), c),
          evidence.add(a, evidence.add(b, c)),
          '(a + b) + c and a + (b + c)',
        );
      },
    },
    {
      law: 'zero adds nothing, from either side, and carries no prior',
      run(random) {
        const a = arbitrary(random);
        same(subject, evidence.add(evidence.zero(), a), a, '0 + a');
        same(subject, evidence.add(a, evidence.zero()), a, 'a + 0');
        demand(evidence.outcomes(evidence.zero()) === 0, 'zero holds outcomes');
      },
    },
  ];
}

function arithmetic<E>(subject: EvidenceSubject<E>): Law[] {
  const { evidence, arbitrary } = subject;
  return [
    {
      law: 'scaling by 1 changes nothing, distributes over add, and composes',
      run(random) {
        const [a, b] = [arbitrary(random), arbitrary(random)];
        const [v, w] = [2 * random.next(), 2 * random.next()];
        same(subject, evidence.scale(a, 1), a, '1 · a');
        same(
          subject,
          evidence.scale(evidence.add(a, b), w),
          evidence.add(evidence.scale(a, w), evidence.scale(b, w)),
          `${w} · (a + b)`,
        );
        same(subject, evidence.scale(evidence.scale(a, v), w), evidence.scale(a, v * w), `${w} · (${v} · a)`);
      },
    },
    {
      law: 'outcomes add up, and scale',
      run(random) {
        const [a, b] = [arbitrary(random), arbitrary(random)];
        const n = evidence.outcomes(a) + evidence.outcomes(b);
        const sum = evidence.outcomes(evidence.add(a, b));
        demand(Math.abs(sum - n) <= TOLERANCE * n, `${sum} outcomes are not ${n}`);
        const half = evidence.outcomes(evidence.scale(a, 0.5));
        demand(Math.abs(half - evidence.outcomes(a) / 2) <= TOLERANCE * n, `half of the outcomes is ${half}`);
      },
    },
    {
      law: 'subtract takes back what add added',
      run(random) {
        if (evidence.subtract === undefined) return;
        const [a, b] = [arbitrary(random), arbitrary(random)];
        // Compared with b added again: light outcomes beside heavy ones are known no better than that.
        const sum = evidence.add(a, b);
        const rest = evidence.subtract(sum, b);
        same(subject, evidence.add(rest, b), sum, '((a + b) − b) + b and a + b');
        demand(evidence.outcomes(rest) === evidence.outcomes(a), '(a + b) − b has not the outcomes of a');
        const nothing = evidence.outcomes(evidence.subtract(a, a));
        demand(nothing === 0, `a − a holds ${nothing} outcomes`);
      },
    },
    {
      law: 'no function changes its arguments',
      run(random) {
        const [a, b] = [arbitrary(random), arbitrary(random)];
        const [wasA, wasB] = [copyOf(a), copyOf(b)];
        evidence.add(a, b);
        evidence.scale(a, 0.5);
        evidence.subtract?.(a, b);
        evidence.outcomes(a);
        evidence.validate(a, DEFAULT_LIMITS);
        evidence.encode(a);
        const found = difference(a, wasA) || difference(b, wasB);
        demand(found === '', `an argument was changed at ${found}`);
      },
    },
  ];
}

function codec<E>(subject: EvidenceSubject<E>): Law[] {
  const { evidence, arbitrary } = subject;
  return [
    {
      law: 'decode gives back exactly what was encoded, and equal evidence has equal bytes',
      run(random) {
        const a = arbitrary(random);
        const bytes = evidence.encode(a);
        const back = evidence.decode(bytes, DEFAULT_LIMITS);
        const found = difference(back, a);
        demand(found === '', `decoded at ${found}`);
        demand(difference(evidence.encode(back), bytes) === '', 'encoded again, the bytes differ');
      },
    },
    {
      law: 'bytes that are cut, prolonged or made up are refused as undecodable, and nothing else is thrown',
      run(random) {
        const bytes = evidence.encode(arbitrary(random));
        const cut = bytes.slice(0, random.integer(bytes.length));
        demand(refused(evidence, cut), `${cut.length} of ${bytes.length} bytes were accepted`);
        const longer = new Uint8Array(bytes.length + 1 + random.integer(20));
        longer.set(bytes);
        demand(refused(evidence, longer), 'bytes left over were accepted');
        const noise = Uint8Array.from({ length: random.integer(200) }, () => random.integer(256));
        answered(evidence, noise);
        const flipped = bytes.slice();
        for (let i = 0; i <= random.integer(3); i++)
          flipped[random.integer(flipped.length)] ^= 1 << random.integer(8);
        answered(evidence, flipped);
      },
    },
    {
      law: 'bytes beyond the limit are refused unread',
      run(random) {
        const bytes = evidence.encode(arbitrary(random));
        const limits = { ...DEFAULT_LIMITS, evidenceBytes: bytes.length - 1 };
        demand(refused(evidence, bytes, limits), 'more bytes than allowed were accepted');
      },
    },
  ];
}

function plausibility<E>(subject: EvidenceSubject<E>): Law[] {
  const { evidence, arbitrary } = subject;
  const problem = (a: E): string => evidence.validate(a, DEFAULT_LIMITS)?.message ?? '';
  return [
    {
      law: 'real evidence is plausible, and so are sums and parts of it',
      run(random) {
        const [a, b] = [arbitrary(random), arbitrary(random)];
        const sum = evidence.add(a, b);
        const found = problem(a) || problem(sum) || problem(evidence.scale(sum, random.next()));
        demand(found === '', found);
        if (evidence.subtract !== undefined) {
          const rest = problem(evidence.subtract(sum, b));
          demand(rest === '', `(a + b) − b: ${rest}`);
        }
      },
    },
    {
      law: 'no number of it may be NaN or infinite',
      run(random) {
        const a = arbitrary(random);
        const numbers = countNumbers(a);
        for (let i = 0; i < numbers; i++)
          for (const odd of [Number.NaN, Infinity, -Infinity]) {
            const bad = withNumber(a, i, odd);
            demand(problem(bad) !== '', `${odd} as number ${i} is taken for real`);
          }
      },
    },
  ];
}

function same<E>(subject: EvidenceSubject<E>, a: E, b: E, what: string): void {
  const found = subject.differ?.(a, b) ?? difference(a, b, TOLERANCE);
  demand(found === '', `${what}: ${found}`);
}

function refused<E>(evidence: Evidence<E>, bytes: Uint8Array, limits = DEFAULT_LIMITS): boolean {
  try {
    evidence.decode(bytes, limits);
    return false;
  } catch (error) {
    demand(isGanglionError(error, 'undecodable'), `decode threw ${String(error)}`);
    return true;
  }
}

/** Either refused, or read as something whose bytes these are. */
function answered<E>(evidence: Evidence<E>, bytes: Uint8Array): void {
  if (refused(evidence, bytes)) return;
  const again = evidence.encode(evidence.decode(bytes, DEFAULT_LIMITS));
  demand(difference(again, bytes) === '', 'other bytes were read as what encodes differently');
}
