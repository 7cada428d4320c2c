import { type Moments, OUTCOMES, ROW, W, WW, WX, WXX } from '../learners/moments.ts';
import { log2 } from '../stats/math.ts';

/** What was seen of one arm at one position: effective outcomes, sum of rewards, sum of their squares. */
export interface Shown {
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
  readonly outcomes: number;
  readonly ww: number;
}

/** By arm key, what was seen at each position. */
export type Grid = ReadonlyMap<string, readonly (Shown | undefined)[]>;

export const slotKey = (armKey: string, position: number): string => `${armKey}@${position}`;

/** Rows of (arm, position), about `centre`, as a grid. */
export function gridOf(evidence: Moments, centre: number, positions: number): Grid {
  const grid = new Map<string, (Shown | undefined)[]>();
  for (const [key, row] of evidence.arms) {
    const at = key.lastIndexOf('@');
    const position = Number(key.slice(at + 1));
    if (at < 0 || !(position < positions)) continue;
    const armKey = key.slice(0, at);
    let slots = grid.get(armKey);
    if (slots === undefined) {
      slots = new Array(positions).fill(undefined);
      grid.set(armKey, slots);
    }
    slots[position] = {
      n: row[W],
      sum: row[WX] + centre * row[W],
      squares: row[WXX] + 2 * centre * row[WX] + centre * centre * row[W],
      outcomes: row[OUTCOMES],
      ww: row[WW],
    };
  }
  return grid;
}

/** What is believed of position j before anything was seen: the discount of DCG, 1 / log₂(j + 2). */
const discount = (position: number): number => 1 / log2(position + 2);
const PRIOR_REWARDS = 1;
const LEAST = 0.01;
const ROUNDS = 50;

/**
 * Probability that a position is looked at, relative to the first, in the position-based model E[reward] = κⱼ·γₐ
 * (Richardson, Dominowska, Ragno, WWW 2007): γ and κ in turn, each as the ratio of rewards to what the other leads to
 * expect. This is the maximum-likelihood fit of a rank-one table of rates; κ₀ = 1. Positions without rewards keep their
 * prior. Needs arms that were shown at more than one position, as sampled rankings are.
 */
export function learnExamination(grid: Grid, positions: number): number[] {
  const kappa = Array.from({ length: positions }, (_, j) => discount(j));
  for (let round = 0; round < ROUNDS; round++) {
    const found = new Float64Array(positions);
    const expected = new Float64Array(positions);
    for (const slots of grid.values()) {
      const gamma = ratio(slots, kappa);
      slots.forEach((slot, j) => {
        if (slot === undefined) return;
        found[j] += Math.max(0, slot.sum);
        expected[j] += slot.n * gamma;
      });
    }
    for (let j = 1; j < positions; j++) {
      const prior = discount(j);
      const next = (found[j] + PRIOR_REWARDS * prior) / (expected[j] + PRIOR_REWARDS);
      kappa[j] = Math.min(1, Math.max(LEAST, next));
    }
  }
  return kappa;
}

/** Rewards over looks: what an arm is worth to somebody who sees it (Lagrée, Vernade, Cappé, NeurIPS 2016). */
function ratio(slots: readonly (Shown | undefined)[], kappa: readonly number[]): number {
  let rewards = 0;
  let looks = 0;
  slots.forEach((slot, j) => {
    rewards += slot?.sum ?? 0;
    looks += kappa[j] * (slot?.n ?? 0);
  });
  return looks > 0 ? rewards / looks : 0;
}

/**
 * Moments of what each arm is worth when it is looked at, about `centre`. An outcome at position j weighs as much as it
 * tells: for yes-or-no rewards κ(1 − γ)/(1 − κγ) of a look, its Fisher information beside that of an outcome at the first.
 */
export function looked(
  grid: Grid,
  kappa: readonly number[],
  landmarkMs: number,
  centre: number,
  range: readonly [number, number],
): Moments {
  const unit = range[0] === 0 && range[1] === 1;
  const moments: Moments = { landmarkMs, arms: new Map() };
  for (const [key, slots] of grid) {
    const worth = Math.min(range[1], Math.max(range[0], ratio(slots, kappa)));
    const row = new Float64Array(ROW);
    let squares = 0;
    let looks = 0;
    slots.forEach((slot, j) => {
      if (slot === undefined) return;
      const k = kappa[j];
      const tells = k === 1 ? 1 : unit ? (k * (1 - worth)) / (1 - k * worth) : k;
      row[OUTCOMES] += slot.outcomes;
      row[W] += slot.n * tells;
      row[WW] += slot.ww * tells * tells;
      squares += slot.squares;
      looks += slot.n * k;
    });
    const x = worth - centre;
    const most = Math.max((range[0] - centre) ** 2, (range[1] - centre) ** 2);
    const second = looks > 0 ? squares / looks - 2 * centre * worth + centre * centre : 0;
    row[WX] = row[W] * x;
    row[WXX] = row[W] * Math.min(most, Math.max(x * x, second));
    moments.arms.set(key, row);
  }
  return moments;
}
