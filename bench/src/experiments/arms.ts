import {
  adaptiveDifference,
  adaptiveMean,
  adaptiveSums,
  addAdaptive,
  addWager,
  wagerSums,
} from '@ganglion/core';
import { stream } from '@ganglion/core/testing';

export const ARM_RATES = [0.005, 0.01, 0.05, 0.5] as const;
const RANGE = [0, 1] as const;
const DECISIONS = 20_000;
const EVERY = 200;

/** Share of runs in which an interval missed the truth at any look: of an arm's mean, and of the difference. */
export interface ArmRuns {
  readonly mean: number;
  readonly difference: number;
  /** The same of the asymptotic intervals alone, as they are where the metric has no range. */
  readonly plainMean: number;
  readonly plainDifference: number;
}

/** Thompson sampling of two arms that are worth the same, with a floor of 10 %. */
export function armRuns(runs: number, rate: number): ArmRuns {
  const missed = [0, 0, 0, 0];
  for (let run = 0; run < runs; run++)
    oneRun(run, rate).forEach((ever, k) => {
      // Of means there are two in a run.
      missed[k] += ever / (k % 2 === 0 ? 2 * runs : runs);
    });
  const [mean, difference, plainMean, plainDifference] = missed;
  return { mean, difference, plainMean, plainDifference };
}

function oneRun(seed: number, rate: number): number[] {
  const random = stream(seed, 35);
  const sides = [0, 1].map(() => ({ plain: adaptiveSums(), wagers: wagerSums(), wins: 1, tries: 2 }));
  const everMissed = [new Set<number>(), new Set<number>(), new Set<number>(), new Set<number>()];
  const note = (k: number, side: number, truth: number, found: { low: number; high: number } | undefined) => {
    if (found !== undefined && (found.low > truth || found.high < truth)) everMissed[k].add(side);
  };
  let p = 0.5;
  for (let i = 1; i <= DECISIONS; i++) {
    if (i % 20 === 0) p = shareOf(sides);
    const arm = random.next() < p ? 0 : 1;
    const y = random.next() < rate ? 1 : 0;
    const side = sides[arm];
    side.wins += y;
    side.tries++;
    addAdaptive(side.plain, y, arm === 0 ? p : 1 - p);
    addWager(side.wagers, y, arm === 0 ? p : 1 - p, RANGE);
    if (i % EVERY > 0) continue;
    const bounds = sides.map(({ wagers }) => ({ range: RANGE, wagers, all: i }));
    sides.forEach(({ plain }, s) => {
      note(0, s, rate, adaptiveMean(plain, { bounds: bounds[s] }));
      note(2, s, rate, adaptiveMean(plain));
    });
    const [a, b] = sides;
    note(1, 0, 0, adaptiveDifference(a.plain, b.plain, { bounds: [bounds[0], bounds[1]] }));
    note(3, 0, 0, adaptiveDifference(a.plain, b.plain));
  }
  return everMissed.map((set) => set.size);
}

/** P(arm 0 is better) by the normal law of both rates, with the floor. */
function shareOf([a, b]: readonly { readonly wins: number; readonly tries: number }[]): number {
  const [first, second] = [a.wins / a.tries, b.wins / b.tries];
  const spread = (first * (1 - first)) / a.tries + (second * (1 - second)) / b.tries;
  return 0.05 + 0.9 / (1 + Math.exp((-1.702 * (first - second)) / Math.sqrt(spread)));
}
