import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { mostRows, OWN, TOUCHES, type Transitions, transitions, type Visit } from './transitions.ts';

const [states, steps] = [40, 4];
const most = mostRows(states, steps);
const evidence = transitions({ states, steps, range: [0, 1] });

const visit = (arm: string): Visit => ({ state: 0, armKey: `${arm}#0` });

function record(own: Transitions, arm: string, before: readonly string[], living: readonly string[] = []) {
  evidence.record(own, {
    ...visit(arm),
    half: 0,
    reward: 1,
    weight: 1,
    atMs: 0,
    done: false,
    before: before.map(visit),
    living: living.map((id) => `${id}#0`),
  });
}

/** As full as it gets, of arms that were chosen often and are no more. */
function crowded(): Transitions {
  const own = evidence.zero();
  for (let arm = 0; arm < most; arm++) for (let i = 0; i < 20; i++) record(own, `old-${arm}`, []);
  return own;
}

test('the rows that one outcome touches do not make room for each other', () => {
  const own = crowded();
  record(own, 'a', ['b', 'c', 'd', 'e']);
  expect(own.arms.size).toBe(most);
  for (const arm of ['a', 'b', 'c', 'd', 'e']) expect(own.arms.get(`${arm}#0`)?.[TOUCHES]).toBe(1);
});

test('arms that are no more make room for those that are, however much is known of them', () => {
  const own = crowded();
  const living = ['a', 'b', 'c'];
  for (let i = 0; i < 30; i++) record(own, living[i % 3], [], living);
  expect(own.arms.size).toBe(most);
  for (const arm of living) expect(own.arms.get(`${arm}#0`)?.[OWN]).toBe(10);
});

test('what was trimmed to as many rows as fit is still plausible to the node that trimmed it', () => {
  const own = evidence.zero();
  // What came before is known well, what was told of it by arms that are lost again.
  for (let i = 0; i < 4 * most; i++) record(own, `once-${i}`, ['well', 'well', 'well', 'well'], ['well']);
  expect(own.arms.size).toBe(most);
  expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
});

test('what was not trimmed has no more touches than its outcomes can tell', () => {
  const own = evidence.zero();
  record(own, 'a', ['b']);
  own.arms.get('b#0')![TOUCHES] += 9;
  expect(evidence.validate(own, DEFAULT_LIMITS)).toMatchObject({ code: 'implausible_evidence' });
});
