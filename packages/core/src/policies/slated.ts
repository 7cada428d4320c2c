import { type Moments, moments } from '../learners/moments.ts';
import { given, list, refuse } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { AroundPolicy } from '../registry.ts';
import { gridOf, learnExamination, looked, slotKey } from './examination.ts';

interface SlatedView {
  readonly inner: unknown;
  /** By position, relative to the first. */
  readonly examination: readonly number[];
}

/**
 * A policy that learns rewards made into one that learns them by position: the same arm earns less further down, since
 * fewer people look there. Its evidence is moments by arm and position; what the inner policy sees is what an arm is worth
 * to those who look (the position-based model). Examination is declared, or learned from the same evidence.
 */
export const slated: AroundPolicy = (inner, slate, input) => {
  const learns = inner.learnsReward;
  const positions = Number(slate.positions);
  if (learns === undefined)
    refuse(
      'policy',
      'kind',
      inner.name,
      'does not learn means by arm',
      'Rank with thompson, epsilon-greedy or another that does.',
    );
  const { range } = input;
  if (range[0] > 0 || range[1] <= 0)
    refuse(
      'objective',
      'range',
      range,
      'must hold 0',
      'What nobody looks at earns nothing: let the range begin at 0.',
    );
  const declared = examinationOf(slate, positions);
  if (declared === undefined && range[0] < 0)
    refuse(
      'slate',
      'examination',
      slate.examination,
      'can be learned from rewards of 0 and more only',
      'Declare it.',
    );
  const evidence = moments({ range, halfLifeMs: learns.halfLifeMs });
  const policy: Policy<Moments, SlatedView | undefined> = {
    name: `${inner.name}+slate/1`,
    evidence,
    additive: inner.additive,
    looksAt: inner.looksAt,
    learns: inner.learns,
    view: (own, others, at, previous) => {
      const total = evidence.add(own, others);
      const grid = gridOf(total, evidence.centre, positions);
      const examination = declared ?? learnExamination(grid, positions);
      const read = (each: Moments) =>
        looked(gridOf(each, evidence.centre, positions), examination, each.landmarkMs, learns.centre, range);
      // The ratio of sums does not add: the total is read whole.
      return { inner: inner.view(read(total), inner.evidence.zero(), at, previous?.inner), examination };
    },
    propose: (view, at, out) => inner.propose(view?.inner, at, out),
    learn: (own, outcome) => {
      const position = Math.min(positions - 1, Math.max(0, outcome.noted?.[0] ?? 0));
      const key = slotKey(outcome.armKey, position);
      evidence.record(own, key, outcome.reward, outcome.sign * outcome.weight, outcome.atMs);
      return own;
    },
    describe: (view, arms) => (view === undefined ? [] : (inner.describe?.(view.inner, arms) ?? [])),
    describePositions: (view) => view?.examination ?? [],
  };
  return policy as Policy;
};

/** Declared probabilities, the first of them 1; undefined: `learned`. */
function examinationOf(
  slate: Readonly<Record<string, unknown>>,
  positions: number,
): readonly number[] | undefined {
  if (!given(slate, 'examination') || slate.examination === 'learned') return undefined;
  const values = list(slate, 'examination', 'slate', positions);
  const fits =
    values.length === positions &&
    values[0] === 1 &&
    values.every((each) => typeof each === 'number' && each > 0 && each <= 1);
  if (!fits)
    refuse(
      'slate',
      'examination',
      values,
      'must be a probability for each position, the first 1',
      'Or write: learned.',
    );
  return values as readonly number[];
}
