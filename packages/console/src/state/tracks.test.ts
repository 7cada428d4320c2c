import { expect, it } from 'vitest';
import { report } from '../testing.ts';
import type { ExperimentReport, PointReport } from '../wire.ts';
import { TRACK_KEPT, trackKey, withTracks } from './tracks.ts';

const counted = (n: number, change: Partial<ExperimentReport> = {}): ExperimentReport => ({
  experiment: 'copy',
  kind: 'variants',
  analysis: 'sequential',
  alpha: 0.05,
  horizon: null,
  phase: 0,
  variants: [
    { variant: 'old', control: true, share: 0.5, closed: n, counted: n },
    { variant: 'new', control: false, share: 0.5, closed: n, counted: n },
  ],
  mismatch: { e: 1, verdict: 'sound' },
  metrics: [
    {
      metric: 'success',
      better: 'higher',
      guardrail: false,
      margin: 0,
      reduction: null,
      variants: [
        { variant: 'old', mean: estimate(0.3), difference: null, e: null, p: null, verdict: 'control' },
        { variant: 'new', mean: estimate(0.4), difference: estimate(0.1), e: 1, p: 1, verdict: 'undecided' },
      ],
    },
  ],
  decision: 'keep going',
  winner: null,
  reason: '',
  ...change,
});
const estimate = (mean: number) => ({ mean, low: mean - 1, high: mean + 1, n: 9 });
const of = (experiment: ExperimentReport): PointReport => report('cloud', { experiments: [experiment] });
const key = trackKey('checkout', counted(0));
const after = (steps: readonly (readonly [wallMs: number, n: number])[]) =>
  steps.reduce(
    (tracks, [wallMs, n]) => withTracks(tracks, of(counted(n)), { nowMs: wallMs, wallMs }),
    {},
  ) as Record<string, ReturnType<typeof withTracks>[string]>;

it('a track has the difference of each variant at each moment something was counted', () => {
  const track = after([
    [0, 10],
    [500, 11],
    [3_000, 12],
    [6_000, 12],
  ])[key];
  expect(track.map(({ wallMs, counted }) => [wallMs, counted])).toEqual([
    [0, 20],
    [3_000, 24],
  ]);
  expect(track[0].metrics.success).toEqual([null, [0.1, expect.closeTo(-0.9), 1.1]]);
});

it('a long watch is kept whole, more coarsely', () => {
  const steps = Array.from({ length: 2 * TRACK_KEPT }, (_, i) => [i * 2_000, i + 1] as const);
  const track = after(steps)[key];
  expect(track.length).toBeLessThanOrEqual(TRACK_KEPT);
  expect(track[0].wallMs).toBe(0);
  expect(track.at(-1)?.wallMs).toBe((2 * TRACK_KEPT - 1) * 2_000);
});

it('what is counted anew is another track, and so is another stage of a rollout', () => {
  const begun = after([
    [0, 10],
    [3_000, 2],
  ]);
  expect(begun[key].map((sample) => sample.counted)).toEqual([4]);
  expect(trackKey('checkout', counted(0, { phase: 1 }))).not.toBe(key);
});
