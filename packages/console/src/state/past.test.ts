import { expect, it } from 'vitest';
import { shareColumns } from '../select/arms.ts';
import type { HistoryAnswer } from '../wire.ts';
import { INITIAL, SAMPLES_KEPT, type Sample } from './model.ts';
import { reduce } from './reduce.ts';

const STEP_MS = 3_000;
const NOW = 1_000_000;
/** The daemon's clock is an hour ahead of the page's. */
const AHEAD = 3_600_000;

const answer = (n: number, change: Partial<HistoryAnswer> = {}): HistoryAnswer => ({
  point: 'checkout',
  nowMs: NOW + AHEAD,
  stepMs: STEP_MS,
  arms: ['a', 'b'],
  samples: Array.from({ length: n }, (_, i) => ({
    atMs: NOW + AHEAD - (n - 1 - i) * STEP_MS,
    mode: 'learning',
    decisionsPerSecond: 2,
    decisions: [i * 4, i * 2],
    allocation: [0.5, null],
  })),
  ...change,
});
const own = (wallMs: number): Sample => ({
  wallMs,
  mode: 'learning',
  rate: 7,
  decisions: { a: 1, b: 1 },
  allocation: { a: 1, b: 0 },
});
const after = (kept: readonly Sample[], message: HistoryAnswer): readonly Sample[] =>
  reduce({ ...INITIAL, history: { checkout: kept } }, [{ kind: 'history', answer: message }], {
    nowMs: 0,
    wallMs: NOW,
  }).history.checkout;

it('what the node kept is drawn at once, by the page’s clock', () => {
  const samples = after([], answer(10));
  expect([samples.length, samples[0].wallMs, samples.at(-1)?.wallMs]).toEqual([10, NOW - 9 * STEP_MS, NOW]);
  const { shares } = shareColumns(samples, ['a', 'b'], 'executed');
  expect(shares[0].slice(1)).toEqual(Array.from({ length: 9 }, () => expect.closeTo(2 / 3)));
});

it('what the page watched itself stays; what it missed is filled in between', () => {
  const watched = [own(NOW - 27_000), own(NOW - 26_000), own(NOW - 2_000), own(NOW)];
  const samples = after(watched, answer(12));
  expect(watched.every((sample) => samples.includes(sample))).toBe(true);
  expect(samples.map(({ wallMs }) => wallMs)).toEqual(
    samples.map(({ wallMs }) => wallMs).toSorted((a, b) => a - b),
  );
  const longest = Math.max(...samples.slice(1).map(({ wallMs }, i) => wallMs - samples[i].wallMs));
  expect(longest).toBeLessThanOrEqual(1.5 * STEP_MS);
});

it('heard twice, it is kept once; and it is bounded', () => {
  const once = after([], answer(10));
  expect(after(once, answer(10))).toBe(once);
  expect(after([], answer(SAMPLES_KEPT + 9))).toHaveLength(SAMPLES_KEPT);
});

it('a loss of too few outcomes is not known', () => {
  const loss = (judged: number) => ({ judged, learner: 0.2, reference: 0.3, frozen: false });
  const [few, enough] = after(
    [],
    answer(2, {
      samples: answer(2).samples.map((sample, i) => ({ ...sample, loss: loss(i === 0 ? 5 : 500) })),
    }),
  );
  expect([few.loss?.learner, enough.loss?.learner]).toEqual([null, 0.2]);
});
