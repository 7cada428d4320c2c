import type { Verdict } from '../guard.ts';
import type { Tier } from './spec.ts';

/**
 * Why the executed arm is what it is. Each code declares whether an outcome of such a decision may train
 * (DESIGN §5.8): only if the propensity is known and every input to it is in the context or randomised. A repeat of a
 * sticky unit is no draw of its own: counted as one, it would make intervals narrower than what was seen.
 *
 * The journal writes them by their place in this list: new ones go last.
 */
export const REASONS = {
  policy: { trains: true, meaning: 'drawn from what the policy proposed' },
  baseline: { trains: true, meaning: 'the stratum gets the baseline' },
  override: { trains: false, meaning: 'a person pinned this arm' },
  killed: { trains: false, meaning: 'a kill stands; the fallback was served' },
  lease_expired: { trains: false, meaning: 'no lease from the root; the fallback was served' },
  blocked: { trains: false, meaning: 'a guard blocked, or no arm is allowed: nothing was chosen' },
  placement: { trains: false, meaning: 'this tier may not decide the point; the fallback was served' },
  invalid_context: { trains: false, meaning: 'the context does not fit the schema; the fallback was served' },
  deadline: { trains: false, meaning: 'the deadline passed first; the fallback was served' },
  sticky: { trains: false, meaning: 'the unit keeps the arm of its first draw, with that draw’s propensity' },
  escalated: { trains: true, meaning: 'drawn from what the parent proposed' },
  error: { trains: false, meaning: 'the policy failed; the fallback was served' },
  observed: { trains: true, meaning: 'another system had decided; the policy only proposed' },
  invalid_proposal: {
    trains: false,
    meaning: 'what the policy proposed is no distribution; the fallback was served',
  },
} as const satisfies Record<string, { trains: boolean; meaning: string }>;

export type Reason = keyof typeof REASONS;

/** A count of 0 for each. */
export const noReasons = (): Record<Reason, number> =>
  Object.fromEntries(Object.keys(REASONS).map((reason) => [reason, 0])) as Record<Reason, number>;

/** A decision as it is recorded, sent and shown. */
export interface Decision<Arm extends string = string> {
  /** Unique in the tree; embeds the origin, so that any node can route its feedback. */
  readonly id: string;
  readonly point: string;
  /** '' for treated units; `holdout`, `rollout:out`, …  */
  readonly stratum: string;
  /** What the policy wanted most; null where it was not asked. */
  readonly proposed: Arm | null;
  /** What was chosen; null only for reason `blocked`. */
  readonly arm: Arm | null;
  /** P(arm | context, state, stratum); null where unknowable. */
  readonly propensity: number | null;
  /** P(the proposal is worth at least the baseline less the margin); null while there is no evidence to say. */
  readonly confidence: number | null;
  readonly reason: Reason;
  readonly tier: Tier;
  /** What decided: the spec's and the learner view's versions; `artifact`: the digest of what was chosen, where arms are artifacts. */
  readonly versions: { readonly spec: number; readonly view: number; readonly artifact?: string };
  /** What guards and controls said, in order, passes left out. */
  readonly trail: readonly TrailEntry[];
  /** Wall-clock time of the decision, ms since the epoch. */
  readonly atMs: number;
}

/** The same, for a compiler that is to know by the reason whether there is an arm. */
export type TypedDecision<Arm extends string = string> = Decision<Arm> &
  (
    | { readonly reason: 'blocked'; readonly arm: null }
    | { readonly reason: Exclude<Reason, 'blocked'>; readonly arm: Arm }
  );

export type TrailEntry = Pick<Verdict, 'guard' | 'kind' | 'why'>;
