import type { Comparison, RolloutPlan, SafetyPlan } from './comparison.ts';

/**
 * A guard narrows or softens what a policy may do before the arm is drawn. It is given its state and returns a verdict.
 *
 * Laws (checked by `guardLaws`): `check` is the same for the same state and input, allocates nothing while its answer
 * does not change, and never throws; a verdict is immutable; `restore(snapshot(s))` answers as `s` does; state is bounded.
 *
 * @typeParam S - plain data.
 */
export interface Guard<S = unknown> {
  /** Kind and version, such as `breaker/1`. */
  readonly name: string;
  /**
   * `assign`: fixes the stratum (holdout, rollout); `narrow` (default): before the policy; `judge`: after the policy
   * has proposed, with `input.confidence` known. Within a phase, guards run in declared order.
   */
  readonly phase: 'assign' | 'narrow' | 'judge';
  /** `domain` or `tree`: guards of several points with the same `ledger` share one state on a node. Default: a point's own. */
  readonly scope?: string;
  readonly ledger?: string;
  /** The layer of units that it takes a share of: a second guard of the same one in a point is refused. */
  readonly layer?: string | undefined;
  /** The metric of outcomes without which it does nothing, by which option, and the words that stand there for none. */
  readonly counts?:
    | { readonly metric: string; readonly option: string; readonly words: readonly string[] }
    | undefined;
  /** What it assigns units to be compared for. */
  readonly comparisons?: readonly Comparison[];
  /** A rollout that goes on, or back, by itself: the root reads it, and changes it in the declaration. */
  readonly rollout?: RolloutPlan;
  /** A net under the policy: the root reads it, and lets everybody have the baseline, or the policy again. */
  readonly safety?: SafetyPlan;
  initial(arms: number): S;
  check(state: S, input: GuardInput): Verdict;
  /**
   * A decision was drawn. Called for every decision that reaches the draw, whatever the verdict was. `proposed`: the arm
   * that the policy wanted most; −1 where it was not asked, undefined where nobody knows.
   */
  chosen?(state: S, input: GuardInput, arm: number, proposed?: number): void;
  /**
   * True: a decision that is known to have failed settles for this guard at once, while other metrics of its outcome are
   * still awaited (its latency, say). For guards that protect what is called.
   */
  readonly hearsFailuresAtOnce?: boolean;
  /** A decision settled: its outcome came (or its default at expiry). At most once a decision. */
  settled?(state: S, outcome: GuardOutcome): void;
  /** The arms changed: `from[i]` is the old index of new arm i, or −1. */
  rearm?(state: S, from: readonly number[]): S;
  /** For a restart, and for `GET report` unless `describe` is there. JSON. */
  snapshot?(state: S): JsonValue;
  restore?(snapshot: JsonValue, arms: number): S;
  /** What people and nodes above are shown of a state that grows large: bounded, whatever it has met. JSON. */
  describe?(state: S): JsonValue;
  /** For states that grow large: `snapshot` has all of them, and so have these, of which only those that changed are written. */
  readonly pieces?: GuardPieces<S> | undefined;
}

/** A state as a head and numbered pieces, each of which is replaced as a whole. */
export interface GuardPieces<S = unknown> {
  /** What is in no piece. JSON. */
  head(state: S): JsonValue;
  /** There are none from this number on; it never falls. */
  count(state: S): number;
  /** Numbers of those that changed since this was last asked. */
  changed(state: S): readonly number[];
  /** Undefined: nothing is in it. */
  piece(state: S, number: number): Uint8Array | undefined;
  /** @throws GanglionError `undecodable` */
  restore(head: JsonValue, pieces: ReadonlyMap<number, Uint8Array>, arms: number): S;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type Stratum = string; // '' (treated) | 'holdout' | 'rollout:out' | 'experiment:NAME:VARIANT'

/**
 * The answer of a guard. Immutable and interned: a guard makes a new one only when its answer changes, so that the
 * record may keep it as it is and a decision costs no allocation.
 */
export interface Verdict {
  readonly kind: 'pass' | 'restrict' | 'soften' | 'escalate' | 'block' | 'assign';
  /** Which guard said so; '' for a plain pass. */
  readonly guard: string;
  /** One short sentence for a person: `open: b (failure rate 0.62)`. */
  readonly why: string;
  /** restrict: 1 where the arm is excluded. assign: likewise, for this stratum; if that leaves no arm, it gets the baseline. */
  readonly exclude?: Uint8Array | undefined;
  /** soften: exploration floor ε in [0, 1]; the largest of all guards counts. */
  readonly floor?: number | undefined;
  /** soften, assign: influence w of the model in [0, 1]; the smallest of all guards counts. At 0 there is no exploration. */
  readonly influence?: number | undefined;
  /** assign: the stratum. */
  readonly stratum?: Stratum | undefined;
  /** assign: the unit gets the baseline, without exploration. */
  readonly baseline?: boolean | undefined;
  /** block: callers that can wait may, until something is settled or released. */
  readonly queue?: QueueLimit | undefined;
  /** Whether an outcome of such a decision may still train (DESIGN §5.8); default true. */
  readonly trains?: boolean | undefined;
}

/** At most so many callers wait at once, counted over the point or over its domain, on this node. */
export interface QueueLimit {
  readonly most: number;
  readonly of: 'point' | 'domain';
}

export const PASS: Verdict = Object.freeze({ kind: 'pass', guard: '', why: '' });

export interface GuardInput {
  /** Monotonic milliseconds on this node. */
  nowMs: number;
  /** The unit, or '' where the caller gave none. */
  unit: string;
  unitHash: number;
  context: Float64Array;
  arms: number;
  armIds: readonly string[];
  /** 1 where still allowed, before this guard. */
  allowed: Uint8Array;
  allowedCount: number;
  inflight: Int32Array;
  /** Decisions in flight at this point on this node, all arms; and in its domain. */
  inflightPoint: number;
  inflightDomain: number;
  /** judge phase: the proposal's confidence, NaN where unknown; null before. */
  confidence: number;
  /** judge phase: ms left of the budget, and the parent's measured round trip (Infinity where it cannot be asked, NaN once it was). */
  budgetMs: number;
  parentMs: number;
  /** This node's share of tree-wide limits, in (0, 1]; the shares of all nodes sum to at most 1. */
  share: number;
  stratum: Stratum;
  /** A uniform variate in [0, 1) of this decision's own, for guards that randomise (disjoint from the draw's). */
  chance: number;
}

export interface GuardOutcome {
  readonly arm: number;
  readonly nowMs: number;
  readonly startedMs: number;
  /** Took the caller this long, ms; NaN where unknown. */
  readonly latencyMs: number;
  /** true: failed; false: succeeded; undefined: unknown (expired without an answer). */
  readonly failed: boolean | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  readonly unitHash: number;
  /** False: guards had no say in it (a fallback, somebody else's decision), and `chosen` did not hear of it. */
  readonly chosen?: boolean | undefined;
}
