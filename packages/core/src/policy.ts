import type { Evidence } from './evidence.ts';
import type { Verdict } from './guard.ts';

/**
 * A policy turns a context and the allowed arms into a probability for each arm. It never draws: one place in the
 * pipeline does. Its state is its evidence (shared over the tree) and its view (what `propose` reads, local).
 *
 * Laws (checked by `policyLaws`): `propose` fills a distribution that sums to 1 ± 1e-12, has no mass outside
 * `allowed`, is the same for the same view and input, allocates nothing and never throws; `learn` then `learn` with
 * the same outcome at `sign: -1` restores the evidence to 1e-9 where `additive` is true.
 *
 * @typeParam E - evidence; @typeParam V - the view.
 */
export interface Policy<E = unknown, V = unknown> {
  /** Name and version of the family member, such as `thompson/1`. */
  readonly name: string;
  readonly evidence: Evidence<E>;
  /** Additive policies correct by subtracting at the original weight; the others learn once, when the window closes. */
  readonly additive: boolean;
  /**
   * Builds what `propose` reads: own evidence plus the (already weighted) evidence of the others, the prior applied
   * here and only here. Called off the decide path. `previous` may be reused, and is undefined at first; a policy whose
   * view holds local signals (requests in flight, say) carries them over from there.
   */
  view(own: E, others: E, at: ViewInput, previous: V | undefined): V;
  /** Fills `out.p` (every index below `input.arms`) and `out.confidence`. Synchronous, allocation-free. */
  propose(view: V, input: PolicyInput, out: Proposal): void;
  /** Folds one outcome into the evidence; may change `own` in place; returns it. */
  learn(own: E, outcome: Outcome): E;
  /**
   * Whether what this outcome has taught is no longer all here, for policies whose evidence makes room for other arms. A
   * correction of it is then ignored, and counted: there is nothing to take back.
   */
  forgot?(own: E, outcome: Outcome): boolean;
  /** Local signal, at once: a decision was made for this arm. Never part of the evidence. */
  sent?(view: V, arm: number, nowMs: number): void;
  /** Local signal, at once: it ended with this reward and these metrics. Never part of the evidence. */
  settled?(view: V, arm: number, outcome: Outcome, nowMs: number): void;
  /**
   * What to keep of the proposal just made, now that this arm was drawn from it: comes back to `learn` as
   * `outcome.noted`, also after a restart. At most 64 finite numbers; only after `propose` with the same view.
   */
  note?(view: V, arm: number): readonly number[] | undefined;
  /**
   * What the view expects this arm to earn in this context, in units of the reward; NaN while it cannot say. Pure and
   * allocation-free; only points that validate their learner ask, once a decision.
   */
  predict?(view: V, input: PolicyInput, arm: number): number;
  /** What it learns from an outcome depends on the propensity: outcomes may be neither held back nor weighed by their cause. */
  readonly weighsPropensity?: boolean | undefined;
  /** What the view says of each arm, for reports; not on the decide path. */
  describe?(view: V, arms: number): readonly ArmEstimate[];
  /**
   * What the evidence itself forbids, whoever proposes: read with the verdicts of the guards, after them. `allowed` is as
   * they left it; at least one arm stays. The same object for as long as the answer stands.
   */
  restrict?(view: V, allowed: Uint8Array, arms: number): Verdict;
  /** By arm, what is known of each constraint; not on the decide path. */
  describeConstraints?(view: V): readonly (readonly ConstraintEstimate[])[];
  /** By position of a slate, how likely it is looked at, relative to the first; not on the decide path. */
  describePositions?(view: V): readonly number[];
  /** Its evidence is `moments/1` of the reward about this centre, and `learn` records the reward and nothing else. */
  readonly learnsReward?: { readonly centre: number; readonly halfLifeMs: number | undefined } | undefined;
  /** What it learned is kept by metric: other weights of the objective read the same evidence anew. */
  readonly keepsMetrics?: boolean | undefined;
  /** Its decisions come in episodes: the node notes of each what came before it, instead of `note`. */
  readonly episodes?: EpisodeRules | undefined;
  /**
   * What `propose` looks at beside its evidence and the context, in words that follow "looks at". No row of a log keeps it,
   * so nobody can say afterwards what the policy would have done: it cannot be evaluated on a log. Undefined: nothing.
   */
  readonly looksAt?: string | undefined;
  /** False: what it proposes never depends on its evidence. */
  readonly learns?: false | undefined;
  /** Metrics beside the reward that `learn` reads: another value of one is a correction. */
  readonly reads?: readonly string[] | undefined;
  /**
   * Drawn with the hash of the unit under this salt in place of chance, so that a unit keeps its arm while the distribution
   * stands: over units the propensity is the same. Units without a name are drawn by chance.
   */
  readonly unitSalt?: number | undefined;
  /** Names of the members of a policy that is made of several: a kill of `artifact:NAME` stops one (`input.stopped`). */
  readonly members?: readonly string[];
  /** What the view says of each member, in that order; not on the decide path. */
  describeMembers?(view: V): readonly MemberEstimate[];
}

/**
 * How decisions that belong together are strung. What the node notes of a decision, and `outcome.noted` brings back:
 * [key of the episode, steps since it began (−1 unknown), state, arm, state, arm, …] of those before it, the last one first. The
 * key alone: a decision that named neither an episode nor a unit, so it was the end of its episode too.
 */
export interface EpisodeRules {
  /** How many decisions before it each one notes; at most 31. */
  readonly steps: number;
  /** An episode without a decision for so long is over. */
  readonly timeoutMs: number;
  /** What silence for so long means: the end (nothing is earned after it), or that nobody knows. */
  readonly onSilence: 'ends' | 'breaks';
  /** Most decisions of an episode; the next one begins another. Infinity: any number. */
  readonly horizon: number;
  /** Most episodes under way that a node follows; the one longest without a decision makes room. */
  readonly most: number;
  /** What a reward one decision later is worth, in [0, 1]. */
  readonly gamma: number;
  /** The state that a compiled context is in. Allocates nothing. */
  stateOf(context: ArrayLike<number>): number;
}

/** Whether an arm holds a constraint. `null` is unknown, never zero. */
export interface ConstraintEstimate {
  readonly metric: string;
  readonly max?: number | undefined;
  readonly min?: number | undefined;
  /** `violated`: surely, so the arm is withheld; `unknown`: explored within the declared budget. */
  readonly state: 'met' | 'unknown' | 'violated';
  readonly mean: number | null;
  /** Always-valid interval, at the constraint's alpha over all arms. */
  readonly low: number | null;
  readonly high: number | null;
  /** Outcomes it rests on, undecayed. */
  readonly n: number;
}

/** A member of an ensemble as a report shows it. `null` is unknown, never zero. */
export interface MemberEstimate {
  readonly member: string;
  /** Its share of the vote now, before kills and before members that fail step aside. */
  readonly weight: number;
  /** What it would have earned alone: importance-weighted mean reward, with its 95 % interval. */
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Effective number of outcomes that mean rests on. */
  readonly n: number;
  /** Outcomes it has learned from itself, undecayed. */
  readonly learned: number;
  /** How often it failed to answer on this node since it started. */
  readonly failures: number;
  /** Correlation of its proposals with each member's, lately and on this node; null while one of them never varies. */
  readonly correlation: readonly (number | null)[];
}

/** An arm as a report shows it. `null` is unknown, never zero. */
export interface ArmEstimate {
  /** Probability of being chosen with every arm allowed and before guards; null where it depends on the context. */
  readonly allocation: number | null;
  /** Reward, with its central 95 % interval under the posterior; a report clips all three into the objective's range. */
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Outcomes it rests on, weighted by forgetting and pooling. */
  readonly n: number;
}

/** An arm as policies see it. `key` is `id` and generation: an arm removed and added again starts anew. */
export interface ArmInfo {
  readonly id: string;
  readonly key: string;
  readonly features?: Readonly<Record<string, number | string>> | undefined;
}

export interface ViewInput {
  readonly arms: readonly ArmInfo[];
  /** Tree time, ms. */
  readonly nowMs: number;
  /** The baseline as a distribution over arms, or undefined where it has none that is fixed; for the confidence. */
  readonly baseline: Float64Array | undefined;
  /** How much worse than the baseline a proposal may be and still count as worth it; reward units. */
  readonly margin: number;
  /** Seed for policies that sample; the same for the same (point, version). */
  readonly seed: number;
}

export interface PolicyInput {
  /** How many arms there are; arrays may be longer. */
  readonly arms: number;
  /** 1 where the arm may be chosen. At least one is. */
  readonly allowed: Uint8Array;
  /** How many are. */
  readonly allowedCount: number;
  /** Compiled context: fields in schema order (numbers, category indices), NaN where absent. */
  readonly context: Float64Array;
  /** Decisions sent and not yet settled on this node, by arm. */
  readonly inflight: Int32Array;
  /** Stable hash of the unit, in [0, 2³²); 0 where there is none. */
  readonly unitHash: number;
  /** Counts this policy's decisions at this point on this node: round robin's cursor. */
  readonly turn: number;
  /** Monotonic milliseconds, for local signals only. */
  readonly nowMs: number;
  /** 1 where a control has stopped that member of the policy; undefined: none is. At least one serves. */
  readonly stopped?: Uint8Array | undefined;
}

/** Filled in place by `propose`, read by the pipeline, reused for the next decision. */
export interface Proposal {
  readonly p: Float64Array;
  /** P(the proposal is worth at least the baseline less the margin); NaN while there is no evidence to say. */
  confidence: number;
}

/** What came back for a decision. */
export interface Outcome {
  readonly arm: number;
  readonly armKey: string;
  /** Keys of all arms that there were: what `noted` names by index. */
  readonly armKeys?: readonly string[] | undefined;
  /** Objective's value, inside its declared range. */
  readonly reward: number;
  /** Probability with which the arm was chosen. */
  readonly propensity: number;
  /** 1 / the probability that this decision was kept for joining (1 but under overload). */
  readonly weight: number;
  /** −1 takes an earlier outcome back at its original weight. */
  readonly sign: 1 | -1;
  /** Tree time of the decision, ms: forgetting counts from here, so a correction finds the original weight. */
  readonly atMs: number;
  readonly context: Float64Array;
  /** The metrics as reported or defaulted. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What the policy noted of the proposal that the arm was drawn from; undefined where it proposed nothing. */
  readonly noted?: readonly number[] | undefined;
}
