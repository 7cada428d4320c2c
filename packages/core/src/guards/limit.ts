import {
  type Guard,
  type GuardInput,
  type GuardOutcome,
  type JsonValue,
  PASS,
  type Verdict,
} from '../guard.ts';
import {
  armList,
  choice,
  duration,
  flag,
  given,
  list,
  number,
  type Options,
  object,
  refuse,
  rejectUnknown,
  showDuration,
  text,
} from '../options.ts';
import type { Factory, FactoryInput } from '../registry.ts';
import { limitPieces } from './limit-pieces.ts';
import {
  describeLimit,
  emptyLimit,
  freezeLimit,
  hasRoom,
  hearShare,
  LIMIT_SLOTS,
  type LimitState,
  reach,
  refund,
  spend,
  spent,
  thawLimit,
} from './limit-state.ts';
import { listed } from './words.ts';

/** The guard, and whose state it may share. */
export interface LimitGuard extends Guard<LimitState> {
  /**
   * Limits with the same ledger and scope count into one state: over the points of a domain (`domain`) or of the node
   * (`tree`). A node that gives each point a state of its own enforces such a limit per point instead.
   */
  readonly scope: LimitScope;
  readonly ledger: string;
}

export type LimitScope = 'unit' | 'point' | 'domain' | 'tree';

/** What is decided once, at definition. */
interface Plan extends Charges {
  readonly of: string;
  readonly max: number;
  readonly perMs: number;
  readonly slotMs: number;
  readonly scope: LimitScope;
  readonly byUnit: boolean;
  /** Most units remembered. */
  readonly units: number;
  /** A unit may have all of `max` here, whatever this node's share. */
  readonly whole: boolean;
  /** What is withheld where another unit can't be remembered. */
  readonly noRoom: Level;
}

/** What decisions cost, and what is withheld for it. */
interface Charges {
  /** The metric that outcomes are charged by; '' where decisions are counted. */
  readonly metric: string;
  /** 1 where the arm is counted and may be withheld. */
  readonly limited: Uint8Array;
  /** By arm: what a decision is expected to cost. */
  readonly costs: Float64Array;
  /** From the dearest on. */
  readonly levels: readonly Level[];
}

/** What is withheld when a decision at this cost can't be afforded: every limited arm that costs as much or more. */
interface Level {
  readonly cost: number;
  readonly restrict: Verdict;
  /** The same, where no other arm is allowed. */
  readonly block: Verdict;
}

/**
 * Limit: at most `max` of something within any window of `per`, over the whole tree, even when this node is cut off.
 *
 * - `of` (required): `actions` (decisions drawn), `exposure` (the same: any drawn decision may be exposed), `cost`, or
 *   the name of another metric of the feedback. One that is spelt nearly as a metric the declaration names is refused.
 * - `max` (required, > 0) and `per` (required, a duration): any window of this length, with a grain of a tenth of it: what was
 *   spent counts for 1 to 1.1 times `per`.
 * - `scope`: `point` (default), `domain`, `tree`, or `unit`: each unit by itself.
 * - `arms`: only these are counted and withheld; default all. Over the limit, what is limited is withheld; where no
 *   other arm is allowed, the decision is blocked.
 * - `cost` (a number ≥ 0, or one for each limited arm; default 0): what a decision is expected to cost; for `cost` and
 *   metrics. It is charged when the decision is drawn, so that a burst cannot overshoot before its outcomes arrive, and
 *   set right when the outcome comes: what was too much is given back, what was too little is charged then. An outcome
 *   that does not say, or never comes, leaves the charge. Arms too dear for what is left are withheld before cheaper ones.
 *   Without it costs count as they become known: a burst, and whatever is never reported, goes unlimited.
 * - `units` (default 10,000): scope `unit`: most units remembered at once. A unit is forgotten only when its window is
 *   empty; while there is no room, units not remembered count as over the limit. Decisions without a unit are one unit.
 * - `roaming` (default false): scope `unit`: a unit is served by several nodes at a time. Otherwise a node grants it all of `max`.
 *
 * Every node holds share × `max` (but for units that do not roam), so the sum over all nodes never exceeds `max`,
 * whatever is cut off. A smaller share counts at once, a larger one only after a whole window. It is exact where `cost`
 * is not exceeded: the decisions made within any `per` never cost more than `max`. Counting decisions always is.
 */
export const limit: Factory<LimitGuard> = (options, input) => {
  const plan = readPlan(options, input);
  const { of, max, perMs, scope, byUnit, units, metric, limited } = plan;
  const empty = () => emptyLimit(perMs, byUnit ? units : 1);
  return {
    name: 'limit/1',
    phase: 'narrow',
    scope,
    ledger: `${of}/${max}/${perMs}`,
    counts: metric === '' ? undefined : { metric, option: 'of', words: WORDS },
    initial: empty,
    check: (state, decision) => check(plan, state, decision),
    chosen(state, decision, arm) {
      if (limited[arm] === 1) charge(plan, state, decision, plan.costs[arm]);
    },
    settled(state, outcome) {
      if (metric !== '' && limited[outcome.arm] === 1) settle(plan, state, outcome);
    },
    rearm: (state) => state,
    snapshot: (state): JsonValue => freezeLimit(state),
    restore: (snapshot) => thawLimit(snapshot, empty()),
    describe: (state): JsonValue => describeLimit(state, byUnit),
    pieces: byUnit ? limitPieces(empty) : undefined,
  };
};

/** What `of` says of decisions, and the metric that is usual. */
const WORDS = ['actions', 'exposure', 'cost'];

function readPlan(options: Options, input: FactoryInput): Plan {
  const { path } = input;
  rejectUnknown(options, ['of', 'max', 'per', 'scope', 'arms', 'cost', 'units', 'roaming'], path);
  const of = text(options, 'of', undefined, path);
  const max = number(options, 'max', { min: Number.MIN_VALUE }, path);
  const perMs = duration(options, 'per', { min: 10, max: 400 * 86_400_000 }, path);
  const scope = choice(options, 'scope', ['unit', 'point', 'domain', 'tree'], 'point', path);
  const byUnit = scope === 'unit';
  for (const key of ['units', 'roaming'])
    if (!byUnit && given(options, key))
      refuse(path, key, options[key], 'has no meaning in this scope', 'Say scope: unit, or leave it out.');
  const units = number(options, 'units', { min: 1, max: 1e6, integer: true, default: 10_000 }, path);
  const whole = byUnit && !flag(options, 'roaming', false, path);
  const what = `${max} ${of} per ${showDuration(perMs)}, by ${scope}`;
  const charges = readCharges(options, input, of, what);
  const { limited, levels } = charges;
  return {
    ...charges,
    of,
    max,
    perMs,
    slotMs: perMs / (LIMIT_SLOTS - 1),
    scope,
    byUnit,
    units,
    whole,
    noRoom: levelOf(input, limited, levels[0].cost, `no room to remember another unit (${what})`),
  };
}

function check(plan: Plan, state: LimitState, decision: GuardInput): Verdict {
  const { levels, byUnit, max } = plan;
  tick(plan, state, decision);
  const key = byUnit ? decision.unitHash | 0 : 0;
  const used = spent(state, key);
  const cap = plan.whole ? max : state.share * max;
  if (used < cap && used + levels[0].cost <= cap * ROUNDING)
    return !byUnit || hasRoom(state, key) ? PASS : answer(plan.noRoom, decision);
  // The cheapest that cannot be afforded says how far down to cut.
  for (let i = levels.length - 1; i > 0; i--)
    if (used >= cap || used + levels[i].cost > cap * ROUNDING) return answer(levels[i], decision);
  return answer(levels[0], decision);
}

/** What the decision is expected to cost, when it is drawn. */
function charge(plan: Plan, state: LimitState, decision: GuardInput, cost: number): void {
  if (cost === 0) return;
  tick(plan, state, decision);
  spend(state, plan.byUnit ? decision.unitHash | 0 : 0, cost);
}

function tick({ slotMs }: Plan, state: LimitState, decision: GuardInput): void {
  const slot = Math.floor(decision.nowMs / slotMs);
  if (slot > state.slot || state.resumed) reach(state, slot);
  if (decision.share !== state.lastShare) hearShare(state, decision.share);
}

/** What it did cost: the difference is charged now, or given back to when it was drawn. */
function settle(plan: Plan, state: LimitState, outcome: GuardOutcome): void {
  const { slotMs } = plan;
  const value = outcome.metrics[plan.metric];
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
  reach(state, Math.floor(outcome.nowMs / slotMs));
  const key = plan.byUnit ? outcome.unitHash | 0 : 0;
  // Nothing was charged for what no guard was asked about: nothing is to be given back.
  const charged = outcome.chosen === false ? 0 : plan.costs[outcome.arm];
  if (value > charged) spend(state, key, value - charged);
  else if (value < charged) refund(state, key, Math.floor(outcome.startedMs / slotMs), charged - value);
}

/** Ten tenths must make one. */
const ROUNDING = 1 + 1e-9;

/** Withholds, or blocks where nothing else is allowed. */
function answer(level: Level, { allowed }: GuardInput): Verdict {
  const exclude = level.restrict.exclude!;
  for (let arm = 0; arm < exclude.length; arm++)
    if (allowed[arm] === 1 && exclude[arm] === 0) return level.restrict;
  return level.block;
}

function readCharges(options: Options, input: FactoryInput, of: string, what: string): Charges {
  const { arms, path } = input;
  const counts = of === 'actions' || of === 'exposure';
  const limited = readArms(options, input);
  const costs = new Float64Array(arms.length).fill(counts ? 1 : 0);
  if (counts && given(options, 'cost'))
    refuse(path, 'cost', options.cost, `has no meaning for ${of}`, 'Leave it out: each decision counts one.');
  if (typeof options.cost === 'object' && options.cost !== null) {
    const byArm = object(options.cost, path, 'cost');
    const ids = arms.filter((_, arm) => limited[arm] === 1).map(({ id }) => id);
    rejectUnknown(byArm, ids, `${path}.cost`);
    arms.forEach(({ id }, arm) => {
      if (limited[arm] === 1) costs[arm] = number(byArm, id, { min: 0 }, `${path}.cost`);
    });
  } else if (given(options, 'cost')) costs.fill(number(options, 'cost', { min: 0 }, path));

  const steps = [...new Set(costs.filter((_, arm) => limited[arm] === 1))].sort((a, b) => b - a);
  const levels = steps.map((cost) =>
    levelOf(
      input,
      limited.map((one, arm) => (one === 1 && costs[arm] >= cost ? 1 : 0)),
      cost,
      `over ${what}`,
    ),
  );
  return { metric: counts ? '' : of, limited, costs, levels };
}

function levelOf({ arms }: FactoryInput, exclude: Uint8Array, cost: number, why: string): Level {
  const names = arms.filter((_, arm) => exclude[arm] === 1).map(({ id }) => id);
  return {
    cost,
    restrict: Object.freeze({ kind: 'restrict', guard: 'limit', why: `${why}: ${listed(names)}`, exclude }),
    block: Object.freeze({ kind: 'block', guard: 'limit', why }),
  };
}

function readArms(options: Options, { arms, path }: FactoryInput): Uint8Array {
  const limited = new Uint8Array(arms.length);
  if (!given(options, 'arms')) return limited.fill(1);
  list(options, 'arms', path).forEach((id, i) => {
    const arm = arms.findIndex((each) => each.id === id);
    if (arm < 0) refuse(path, `arms[${i}]`, id, 'is not an arm of this point', `Use: ${armList(arms)}.`);
    limited[arm] = 1;
  });
  return limited;
}
