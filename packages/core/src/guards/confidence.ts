import { GanglionError } from '../errors.ts';
import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import { given, list, number, type Options, refuse, rejectUnknown } from '../options.ts';
import type { Factory } from '../registry.ts';

/** What may be done about a proposal that is not sure enough. */
export type Otherwise = 'escalate' | 'review' | 'soften';

/** The guard, and the margin against which the pipeline asks the policy for its confidence. */
export interface ConfidenceGuard extends Guard<null> {
  /** How much worse than the baseline a proposal may be and still count as worth it; reward units. */
  readonly margin: number;
}

const WORDS: readonly Otherwise[] = ['escalate', 'review', 'soften'];
const STEPS = 16;

/**
 * Confidence: what to do when the policy is not sure that its proposal is worth at least the baseline less a margin.
 *
 * - `min` (required, in (0, 1]): proposals at least this sure pass.
 * - `margin` (≥ 0, reward units, default 0): read by the pipeline, which asks the policy.
 * - `otherwise` (default `[escalate, review, soften]`): tried in this order, the first that can be done is done.
 *   - `escalate`: to the parent, if its measured round trip fits what is left of the budget; else skipped. Its answer is
 *     judged by its own confidence, and nobody is asked twice.
 *   - `review`: no reviewer can be asked in this version. It is skipped, and the trail says so. Where nothing after
 *     it could act, a person was meant to decide and none would: that is refused at definition (`unsupported`).
 *   - `soften`: the model's influence is lowered to w = confidence / min, in 16 steps, each at its middle: 1/32, 3/32 … 31/32.
 *     It never reaches zero, so that the point goes on learning and can become sure.
 *
 * Where nothing can be done (no parent in reach, no `soften`), the proposal passes, with a verdict that says so.
 * A confidence that is unknown (NaN) passes: a fresh point has no evidence and must still be able to learn.
 */
export const confidence: Factory<ConfidenceGuard> = (options, { path }) => {
  rejectUnknown(options, ['min', 'margin', 'otherwise'], path);
  const min = number(options, 'min', { min: 1e-6, max: 1 }, path);
  const margin = number(options, 'margin', { min: 0, default: 0 }, path);
  const otherwise = readOtherwise(options, path);
  const escalates = otherwise.includes('escalate');
  const inReach = answers(min, otherwise, '');
  const outOfReach = answers(min, otherwise, 'the parent is out of reach');
  const asked = answers(min, otherwise, 'the parent was asked');

  return {
    name: 'confidence/1',
    phase: 'judge',
    margin,
    initial: () => null,
    check(_state: null, input: GuardInput): Verdict {
      const sure = input.confidence;
      // Written so that NaN passes.
      if (!(sure < min)) return PASS;
      const known = Number.isNaN(input.parentMs) ? asked : outOfReach;
      const reach = escalates && input.parentMs <= input.budgetMs;
      const step = Math.floor((STEPS * sure) / min);
      return (reach ? inReach : known)[step < 0 ? 0 : step < STEPS ? step : STEPS - 1];
    },
  };
};

function readOtherwise(options: Options, path: string): Otherwise[] {
  if (!given(options, 'otherwise')) return [...WORDS];
  const words = list(options, 'otherwise', path).map((item, i) => {
    const word = WORDS.find((known) => known === item);
    if (word === undefined)
      refuse(path, `otherwise[${i}]`, item, 'is none of the known words', `Use: ${WORDS.join(', ')}.`);
    return word;
  });
  const twice = words.findIndex((word, i) => words.indexOf(word) !== i);
  if (twice >= 0)
    refuse(path, `otherwise[${twice}]`, words[twice], 'stands there twice', 'Name each of them once.');
  if (words[words.length - 1] === 'review') noReviewer(path, words);
  return words;
}

/** The answers by step of confidence, given why the parent cannot be asked; '': it can. */
function answers(min: number, otherwise: readonly Otherwise[], unasked: string): Verdict[] {
  const skipped: string[] = [];
  let does: 'escalate' | 'soften' | undefined;
  for (const word of otherwise) {
    if (word === 'review') skipped.push('no reviewer can be asked');
    else if (word === 'escalate' && unasked !== '') skipped.push(unasked);
    else {
      does = word;
      break;
    }
  }
  const but = skipped.length === 0 ? '' : `; ${skipped.join(', ')}`;
  return Array.from({ length: STEPS }, (_, step): Verdict => {
    const influence = (2 * step + 1) / (2 * STEPS);
    const about = `confidence about ${(influence * min).toPrecision(2)}, below ${min}`;
    if (does === 'escalate') return say('escalate', `${about}${but}`);
    if (does === 'soften')
      return Object.freeze({ ...say('soften', `${about}; influence ${influence}${but}`), influence });
    return say('pass', `${about}${but}; nothing done`);
  });
}

function say(kind: Verdict['kind'], why: string): Verdict {
  return Object.freeze({ kind, guard: 'confidence', why });
}

function noReviewer(path: string, words: readonly string[]): never {
  throw new GanglionError('unsupported', `${path}.otherwise ends with review, and no reviewer can be asked`, {
    field: `${path}.otherwise`,
    value: words,
    mend: 'Add soften after it, or leave review out.',
  });
}
