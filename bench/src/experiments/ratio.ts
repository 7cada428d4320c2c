import { countArm, mismatch, mismatchSums } from '@ganglion/core';
import { stream } from '@ganglion/core/testing';

/** Thompson sampling over two arms whose shares change all the time; arm 1 may lose exposures. */
export interface RatioRuns {
  /** Share of runs that the test against the recorded propensities ever alarmed in, at e ≥ 100. */
  readonly alarms: number;
  /** The same of a χ² test at 1 % against the shares of the experiment's first day: an even split. */
  readonly chiSquare: number;
  /** Decisions until the alarm, median of the runs that had one. */
  readonly medianAt: number;
}

const CHI_SQUARE_1 = 6.635; // 1 % of one degree of freedom

export function ratioRuns(runs: number, decisions: number, lost: number): RatioRuns {
  let [alarms, chiSquare] = [0, 0];
  const at: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { alarmAt, chi } = oneRun(run, decisions, lost);
    if (alarmAt > 0) {
      alarms += 1 / runs;
      at.push(alarmAt);
    }
    if (chi) chiSquare += 1 / runs;
  }
  at.sort((a, b) => a - b);
  return { alarms, chiSquare, medianAt: at[Math.floor(at.length / 2)] ?? Number.NaN };
}

function oneRun(seed: number, decisions: number, lost: number): { alarmAt: number; chi: boolean } {
  const random = stream(seed, 71);
  const [wins, losses] = [
    [1, 1],
    [1, 1],
  ];
  const sums = mismatchSums(2);
  const counts = [0, 0];
  let p = 0.5;
  let chi = false;
  for (let i = 1; i <= decisions; i++) {
    if (i % 100 === 1) p = share(wins, losses, random);
    const arm = random.next() < p ? 0 : 1;
    if (arm === 1 && random.next() < lost) continue;
    if (random.next() < (arm === 0 ? 0.05 : 0.06)) wins[arm]++;
    else losses[arm]++;
    counts[arm]++;
    countArm(sums, arm, arm === 0 ? p : 1 - p);
    if (i % 100 > 0) continue;
    const n = counts[0] + counts[1];
    if ((counts[0] - counts[1]) ** 2 / n > CHI_SQUARE_1) chi = true;
    if (mismatch(sums).e >= 100) return { alarmAt: i, chi };
  }
  return { alarmAt: 0, chi };
}

/** P(arm 0 is better) by 60 draws of each posterior, with a floor of 10 %. */
function share(
  wins: readonly number[],
  losses: readonly number[],
  random: ReturnType<typeof stream>,
): number {
  let first = 0;
  for (let k = 0; k < 60; k++) if (random.beta(wins[0], losses[0]) > random.beta(wins[1], losses[1])) first++;
  return 0.05 + 0.9 * (first / 60);
}
