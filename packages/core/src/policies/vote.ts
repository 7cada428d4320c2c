import {
  type Moments,
  type MomentsEvidence,
  moments,
  OUTCOMES,
  W,
  WW,
  WX,
  WXX,
} from '../learners/moments.ts';
import type { Outcome } from '../policy.ts';
import { exp, log, sqrt } from '../stats/math.ts';

/** How members are weighed. */
export interface VoteRules {
  readonly members: number;
  /** Weight of each member before anything was seen; 0 never votes. */
  readonly prior: readonly number[];
  /** Learning rate η per unit of the range; undefined: the anytime rate of EXP4. */
  readonly rate: number | undefined;
  /** Share of the vote that is spread evenly over the members that vote. */
  readonly floor: number;
}

/** Every outcome counts here: how many there were. */
const ALL = '';
/** Outcomes of decisions that the members voted on, as they were. */
const VOTED = '*';
const keyOf = (member: number): string => `${member}`;

/** No voter weighs less than its share of the floor, so no arm it wants is rarer than that. */
export const maxRatioOf = ({ members, floor }: Pick<VoteRules, 'members' | 'floor'>): number =>
  members / floor;

/** What a member would have earned alone. */
export interface Standing {
  readonly weight: number;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

/** Evidence of the vote: moments of the reward, as it was and as each member would have had it. */
export function votes(
  range: readonly [number, number],
  halfLifeMs: number | undefined,
  { members, floor }: Pick<VoteRules, 'members' | 'floor'>,
): MomentsEvidence {
  const base = moments({ range, halfLifeMs });
  return {
    ...base,
    name: 'votes/1',
    inFuture: (evidence, nowMs, slackMs, heaviest) => {
      const [counted, voted]: Moments[] = [true, false].map((plain) => ({
        landmarkMs: evidence.landmarkMs,
        arms: new Map([...evidence.arms].filter(([key]) => (key === ALL || key === VOTED) === plain)),
      }));
      return (
        base.inFuture(counted, nowMs, slackMs, heaviest) ??
        base.inFuture(voted, nowMs, slackMs, heaviest * maxRatioOf({ members, floor }))
      );
    },
    // There are few rows, and none to spare.
    fit: (evidence) => evidence,
    outcomes: (evidence) => evidence.arms.get(ALL)?.[OUTCOMES] ?? 0,
    validate: (evidence, limits) => {
      const all = evidence.arms.get(ALL)?.[OUTCOMES] ?? 0;
      for (const [key, row] of evidence.arms) {
        const known = key === ALL || key === VOTED || (/^\d{1,2}$/.test(key) && Number(key) < members);
        if (!known || row[OUTCOMES] > all * (1 + 1e-6))
          return {
            code: 'implausible_evidence',
            field: `arms[${key}]`,
            message: known ? `vote ${key} rests on more outcomes than there were` : `there is no vote ${key}`,
          };
      }
      return base.validate(evidence, limits);
    },
  };
}

/**
 * Counts an outcome for every member by the probability it had given the executed arm: importance weighting (EXP4, Auer
 * et al., "The nonstochastic multiarmed bandit problem", 2002) tells of a member what following it alone would have
 * earned, whoever proposed the arm. Ratios beyond `maxRatio` are clipped: the estimate is then too low, never wild.
 * A negative note is a member that did not answer: nothing is said of it.
 */
export function countVotes(
  evidence: MomentsEvidence,
  own: Moments,
  outcome: Outcome,
  members: number,
  maxRatio: number,
): void {
  const { reward, propensity, noted, atMs } = outcome;
  const weight = outcome.sign * outcome.weight;
  evidence.record(own, ALL, reward, weight, atMs);
  if (noted === undefined || noted.length !== members || !(propensity > 0)) return;
  evidence.record(own, VOTED, reward, weight, atMs);
  for (let m = 0; m < members; m++) {
    const ratio = Math.min(maxRatio, noted[m] / propensity);
    if (ratio > 0) evidence.record(own, keyOf(m), reward, weight * ratio, atMs);
  }
}

/**
 * Exponential weights over what each member would have earned: w ∝ prior · exp(η Σ ρ(r − b)), with ρ the importance
 * ratio and b the mean reward that was earned. Taking b off is the same for all in expectation (E ρ = 1) and takes most
 * of the variance away. Without a declared rate η = √(ln M / (n · min(M, K))) per unit of the range, the anytime rate of
 * EXP4 (Bubeck & Cesa-Bianchi, "Regret analysis of stochastic and nonstochastic multi-armed bandit problems", 2012,
 * theorem 4.2: expected regret to the best member at most 2√(T·K·ln M)), n faded where votes fade.
 *
 * @param fade - weight of an outcome of now, from `decayTo`; @param arms - K.
 */
export function standings(
  evidence: MomentsEvidence,
  total: Moments,
  rules: VoteRules,
  arms: number,
  fade: number,
): readonly Standing[] {
  const { prior, members } = rules;
  const voted = total.arms.get(VOTED);
  const n = voted === undefined ? 0 : effective(voted, fade);
  const earned = voted !== undefined && voted[W] > 0 ? voted[WX] / voted[W] : 0;
  const width = evidence.range[1] - evidence.range[0];
  const voters = prior.filter((each) => each > 0).length;
  const rate = rules.rate ?? sqrt(log(Math.max(2, voters)) / (Math.max(1, n) * Math.min(voters, arms)));
  const logit = new Float64Array(members);
  let top = -Infinity;
  for (let m = 0; m < members; m++) {
    const row = total.arms.get(keyOf(m));
    const gain = row === undefined ? 0 : (fade * (row[WX] - earned * row[W])) / width;
    logit[m] = prior[m] > 0 ? log(prior[m]) + rate * gain : -Infinity;
    top = Math.max(top, logit[m]);
  }
  let sum = 0;
  for (let m = 0; m < members; m++) sum += logit[m] = exp(logit[m] - top);
  return Array.from(logit, (share, m) => ({
    weight: prior[m] > 0 ? (1 - rules.floor) * (share / sum) + rules.floor / voters : 0,
    ...estimate(evidence, total.arms.get(keyOf(m)), fade),
  }));
}

/** Outcomes an even sum of the same variance would rest on, by now (Kish). */
function effective(row: Float64Array, fade: number): number {
  if (!(row[W] > 0)) return 0;
  return row[WW] > 0 ? Math.min(row[W] * fade, (row[W] * row[W]) / row[WW]) : row[W] * fade;
}

const NORMAL_95 = 1.959963984540054;

/** Self-normalised mean with a central 95 % interval (normal approximation). */
function estimate(
  evidence: MomentsEvidence,
  row: Float64Array | undefined,
  fade: number,
): Omit<Standing, 'weight'> {
  const n = row === undefined ? 0 : effective(row, fade);
  if (row === undefined || !(n > 0)) return { mean: null, low: null, high: null, n: 0 };
  const mean = row[WX] / row[W];
  const variance = Math.max(0, row[WXX] / row[W] - mean * mean);
  const half = NORMAL_95 * sqrt(variance / n);
  const centred = evidence.centre + mean;
  return { mean: centred, low: centred - half, high: centred + half, n };
}

/** Whether the members have been judged by any outcome yet. */
export const hasVotes = (total: Moments): boolean => (total.arms.get(VOTED)?.[OUTCOMES] ?? 0) >= 1;
