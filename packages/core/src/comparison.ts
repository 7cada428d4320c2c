/**
 * What a guard that assigns units declares to be compared: the strata (or arms) side by side, metric by metric. The node
 * counts for it; `experiment/` judges. Plain data.
 */
export interface Comparison {
  /** As people call it; unique within a point. */
  readonly name: string;
  /** Name and hash of all that would make other outcomes of it; outcomes under different keys are never added. */
  readonly key: string;
  /** `variants` and `rollout`: units are assigned to strata at fixed shares. `arms`: the policy draws, with propensities. */
  readonly kind: 'variants' | 'rollout' | 'arms';
  readonly variants: readonly ComparedVariant[];
  /** Index of the variant that the others are compared with. */
  readonly control: number;
  /** Declared order; the first that is no guardrail decides. */
  readonly metrics: readonly ComparedMetric[];
  /** Index of the context field known before the assignment that explains outcomes (CUPED); −1: none. */
  readonly covariate: number;
  /** Only the first decision of a unit in a phase counts: what was assigned is the unit. */
  readonly perUnit: boolean;
  /** What an episode earned in all counts, once it is over, as the metric `return`. */
  readonly perEpisode?: boolean;
  /** Shares of one phase differ from those of another: outcomes are kept apart. A rollout's stage. */
  readonly phase: number;
  readonly analysis: ComparisonPlan;
}

export interface ComparedVariant {
  readonly name: string;
  /** Its decisions bear this stratum; for `arms`, all of them the stratum of treated units. */
  readonly stratum: string;
  /** Share of the comparison's units, > 0; the shares sum to 1. NaN for `arms`. */
  readonly share: number;
}

export interface ComparedMetric {
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  /** A guardrail stops; it never ships. */
  readonly guardrail: boolean;
  /** Of a guardrail whose direction nobody has told: the field that should. `better` is then a guess. */
  readonly assumed?: string | undefined;
  /** Harm up to this much is put up with, in the metric's units, ≥ 0. */
  readonly margin: number;
  /** What its sums are taken about, so that they do not drown in rounding far from 0; default: see `centreOf`. */
  readonly centre?: number | undefined;
  /** Range of one outcome, where the declaration says so here. */
  readonly range?: readonly [number, number] | undefined;
}

export interface ComparisonPlan {
  /**
   * `sequential`: may be looked at always. `fixed`: one look, once `horizon` is reached. `group-sequential`: a few, at `looks`
   * of it.
   */
  readonly kind: 'sequential' | 'fixed' | 'group-sequential';
  /** Chance of any false find over all variants of a metric. */
  readonly alpha: number;
  /** Counted decisions over all variants at which it ends; Infinity: open. Sequential analysis is tightest there. */
  readonly horizon: number;
  /** Parts of the horizon at which it is looked at, rising, the last is 1; none where it may be looked at always. */
  readonly looks: readonly number[];
  /** How planned looks spend the error: late, or evenly. */
  readonly spending: 'obrien-fleming' | 'pocock';
}

/** A rollout with guardrails, as declared. */
export interface RolloutPlan {
  readonly stages: readonly number[];
  readonly stage: number;
  /** Least time in a stage, ms. */
  readonly dwellMs: number;
  /** Fewest decisions of rolled-out units that must have counted in a stage. */
  readonly minCounted: number;
  /** Why it was taken back; undefined: it was not. */
  readonly reverted: string | undefined;
}

/** A safety net under a policy, as declared. */
export interface SafetyPlan {
  /** Why it has caught the policy; undefined: it has not, and the policy serves. */
  readonly fallen: string | undefined;
  /** How often it has, this time included. */
  readonly falls: number;
  /** After so long the policy gets another chance, ms … */
  readonly retryMs: number;
  /** … this many times. */
  readonly retries: number;
}
