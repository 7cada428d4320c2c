import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { stream } from '../stats/random.ts';
import {
  mostRows,
  OWN,
  type Step,
  TOUCHES,
  type Transitions,
  transitions,
  type Visit,
} from './transitions.ts';

const [states, steps] = [40, 4];
const most = mostRows(states, steps);
const evidence = transitions({ states, steps, range: [0, 1] });

const visit = (arm: string): Visit => ({ state: 0, armKey: `${arm}#0` });

function step(arm: string, before: readonly string[], living: readonly string[], weight: number): Step {
  return {
    ...visit(arm),
    half: 0,
    reward: 1,
    weight,
    atMs: 0,
    done: false,
    before: before.map(visit),
    living: living.map((id) => `${id}#0`),
  };
}

const record = (own: Transitions, arm: string, before: readonly string[], living: readonly string[] = []) =>
  evidence.record(own, step(arm, before, living, 1));
const takeBack = (own: Transitions, arm: string, before: readonly string[] = []) =>
  evidence.record(own, step(arm, before, [], -1));
const forgot = (own: Transitions, arm: string, before: readonly string[] = []) =>
  evidence.forgot(own, step(arm, before, [], -1));

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

test('a correction of what has made room since is ignored, as if it had not come', () => {
  const own = evidence.zero();
  record(own, 'gone', []);
  for (let arm = 0; arm < most; arm++) for (let i = 0; i < 2; i++) record(own, `new-${arm}`, []);
  const before = evidence.encode(own);
  expect(forgot(own, 'gone')).toBe(true);
  expect(forgot(own, 'new-1', ['gone'])).toBe(true);
  expect(forgot(own, 'new-1')).toBe(false);
  takeBack(own, 'gone');
  takeBack(own, 'new-1', ['gone']);
  expect(evidence.encode(own)).toEqual(before);
  expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
});

test('a row made anew is not charged with what the one before it has forgotten', () => {
  const own = evidence.zero();
  record(own, 'gone', []);
  for (let arm = 0; arm < most; arm++) for (let i = 0; i < 2; i++) record(own, `new-${arm}`, []);
  record(own, 'new-1', ['gone', 'gone']);
  takeBack(own, 'gone');
  expect(own.arms.get('gone#0')?.[OWN]).toBe(0);
  expect(own.arms.get('gone#0')?.[TOUCHES]).toBe(2);
  expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
});

test('what was taken back of as many rows as fit leaves evidence that other nodes take', () => {
  const own = evidence.zero();
  for (let i = 0; i < 4 * most; i++) record(own, `once-${i}`, ['well', 'well', 'well', 'well'], ['well']);
  for (let i = 4 * most - 1; i > 3 * most; i--) takeBack(own, `once-${i}`, ['well', 'well', 'well', 'well']);
  expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
  const back = evidence.decode(evidence.encode(own), DEFAULT_LIMITS);
  expect(evidence.validate(back, DEFAULT_LIMITS)).toBeUndefined();
});

test('whatever is learned and taken back over many more arms than fit, the sums stay plausible', () => {
  const random = stream(29);
  for (let run = 0; run < 12; run++) {
    const faded = transitions({ states, steps: 2, range: [0, 1], halfLifeMs: 1000 });
    const own = faded.zero();
    const learned: Step[] = [];
    for (let i = 0; i < 250; i++) {
      if (learned.length > 0 && random.integer(3) === 0) {
        const [old] = learned.splice(random.integer(learned.length), 1);
        const gone = faded.forgot(own, { ...old, weight: -old.weight });
        const before = gone ? faded.encode(own) : undefined;
        faded.record(own, { ...old, weight: -old.weight });
        if (before !== undefined) expect(faded.encode(own)).toEqual(before);
      } else {
        const made: Step = {
          ...step(`arm-${random.integer(3 * most)}`, [], [], 1),
          before: Array.from({ length: random.integer(3) }, () => visit(`arm-${random.integer(3 * most)}`)),
          reward: random.next(),
          atMs: 1000 * random.next(),
          done: random.integer(4) === 0,
        };
        faded.record(own, made);
        learned.push(made);
      }
    }
    expect(faded.validate(own, DEFAULT_LIMITS)).toBeUndefined();
  }
});
