import { REASONS } from '@ganglion/core';
import { describe, expect, it } from 'vitest';
import { seen, spec } from '../testing.ts';
import type { Reason } from '../wire.ts';
import { explored, lastWord, stepsOf, whySentence } from './why.ts';

const SPEC = spec({ guards: [{ kind: 'holdout' }, { kind: 'breaker' }, { kind: 'exploration' }] });
const stateOf = (decision: Parameters<typeof seen>[0]) =>
  Object.fromEntries(stepsOf(seen(decision), SPEC).map((step) => [step.title, step.state]));
const wordsOf = (decision: Parameters<typeof seen>[0], title: string) =>
  stepsOf(seen(decision), SPEC)
    .find((step) => step.title === title)
    ?.words.join(' ');

describe('why did it choose this?', () => {
  it('has an answer for every reason the runtime knows, and one step that decided', () => {
    for (const reason of Object.keys(REASONS) as Reason[]) {
      const nothing = reason === 'blocked';
      const decision = seen({
        reason,
        arm: nothing ? null : 'a',
        proposed: null,
        stratum: reason === 'baseline' ? 'holdout' : '',
      });
      const steps = stepsOf(decision, SPEC);
      expect(steps.map((step) => step.title).filter((title) => title !== 'Context')).toEqual([
        'Controls',
        'Assignment',
        'Guards',
        'Policy',
        'Draw',
      ]);
      if (reason !== 'deadline') expect(steps.filter((step) => step.state === 'decided')).toHaveLength(1);
      expect(whySentence(decision, REASONS[reason].meaning)).toMatch(/^[A-Z].*\.$/s);
    }
  });

  it('stops at a kill: nothing after it was asked', () => {
    const killed = {
      reason: 'killed',
      proposed: null,
      trail: [{ guard: 'kill', kind: 'block', why: 'point:x: slow (anna)' }],
    } as const;
    expect(stateOf(killed)).toEqual({
      Controls: 'decided',
      Assignment: 'skipped',
      Guards: 'skipped',
      Policy: 'skipped',
      Draw: 'skipped',
    });
    expect(wordsOf(killed, 'Controls')).toBe('kill: point:x: slow (anna)');
    expect(lastWord(seen(killed).decision)).toBe('kill: point:x: slow (anna)');
  });

  it('names the guards that had nothing to say beside those that spoke', () => {
    const trail = [{ guard: 'breaker', kind: 'restrict', why: 'open: c' }] as const;
    expect(wordsOf({ trail }, 'Guards')).toBe('breaker: open: c Nothing to say: exploration.');
    expect(wordsOf({}, 'Guards')).toBe('Nothing to say: breaker, exploration.');
  });

  it('does not say that guards passed which a block kept from being asked', () => {
    const trail = [{ guard: 'bulkhead', kind: 'block', why: 'full' }] as const;
    expect(wordsOf({ reason: 'blocked', arm: null, trail }, 'Guards')).toBe('bulkhead: full');
  });

  it('tells the holdout from the treated', () => {
    const held = { reason: 'baseline', stratum: 'holdout', proposed: null, propensity: 1 / 3 } as const;
    expect(whySentence(seen(held), '')).toBe(
      'The unit is in the holdout, so the baseline chose, with probability 0.333.',
    );
    expect(stateOf(held)).toMatchObject({ Assignment: 'decided', Policy: 'skipped' });
  });

  it('says when the draw took another arm than the favourite', () => {
    const other = seen({ proposed: 'b', arm: 'a', propensity: 0.02 });
    expect(explored(other)).toBe(true);
    expect(whySentence(other, '')).toBe('The policy favoured b; the draw took a, with probability 0.020.');
    expect(explored(seen({ proposed: 'b', arm: 'a', reason: 'killed' }))).toBe(false);
  });

  it('calls an unknown propensity and an unknown confidence unknown', () => {
    expect(whySentence(seen({ propensity: null }), '')).toContain('an unknown probability');
    expect(wordsOf({ confidence: null }, 'Policy')).toContain('Confidence unknown');
  });
});
