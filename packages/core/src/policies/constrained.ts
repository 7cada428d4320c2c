import { PASS, type Verdict } from '../guard.ts';
import { type Count, count } from '../learners/count.ts';
import type { Moments } from '../learners/moments.ts';
import { type Product, product } from '../learners/product.ts';
import type { ConstraintEstimate, Outcome, Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import { type Constraint, clamp, judge, MET, UNKNOWN, VIOLATED } from './bounds.ts';

/** What the inner policy reads, and where each arm stands. */
export interface ConstrainedView {
  readonly inner: unknown;
  /** By arm: the worst state over all constraints; `MET` too where it is the baseline's and not violated. */
  readonly state: Uint8Array;
  /** By arm: how far beyond its worst bound the mean is, in widths of the range; 0 where none is violated. */
  readonly excess: Float64Array;
  readonly estimates: readonly (readonly ConstraintEstimate[])[];
  /** Withholds the arms that violate. */
  readonly verdict: Verdict;
  /** Where all that is allowed violates: keeps one of them. Made when first needed. */
  readonly only: (Verdict | undefined)[];
}

/**
 * A policy under constraints: an arm whose metric surely breaks its bound is withheld from everybody, and those of which
 * it is not known yet share at most `explore` of the decisions, as long as there is an arm that holds them all. Arms of
 * the baseline are trusted until they are known not to. The evidence of each constraint is moments of its metric by arm:
 * it adds up over the tree like the policy's own. A part before them counts the outcomes, for the policy may forget rows of
 * arms long gone that a constraint still holds.
 *
 * Where every allowed arm violates, the one that does by the least stays, and the trail says so.
 */
export function constrained(inner: Policy, constraints: readonly Constraint[]): Policy {
  const evidence = product('constrained/2', [
    count,
    inner.evidence,
    ...constraints.map((each) => each.evidence),
  ]);
  const explore = Math.min(...constraints.map((each) => each.explore));

  const view = (
    own: Product,
    others: Product,
    at: ViewInput,
    previous?: ConstrainedView,
  ): ConstrainedView => {
    const totals = constraints.map((each, i) =>
      each.evidence.add(own.parts[i + 2] as Moments, others.parts[i + 2] as Moments),
    );
    const estimates = at.arms.map(({ key }) =>
      constraints.map((each, i) =>
        judge(each, totals[i].arms.get(key), each.evidence.decayTo(totals[i], at.nowMs), at.arms.length),
      ),
    );
    return {
      inner: inner.view(own.parts[1], others.parts[1], at, previous?.inner),
      ...standing(constraints, estimates, at),
    };
  };

  const learn = (own: Product, outcome: Outcome): Product => {
    (own.parts[0] as Count).n += outcome.sign;
    own.parts[1] = inner.learn(own.parts[1], outcome);
    constraints.forEach(({ metric, evidence: part }, i) => {
      const value = outcome.metrics[metric];
      if (value === undefined) return;
      const weight = outcome.sign * outcome.weight;
      part.record(
        own.parts[i + 2] as Moments,
        outcome.armKey,
        clamp(value, part.range),
        weight,
        outcome.atMs,
      );
    });
    return own;
  };

  const policy: Policy<Product, ConstrainedView | undefined> = {
    ...around(inner),
    name: `${inner.name}+constrained/2`,
    evidence,
    additive: inner.additive,
    keepsMetrics: inner.keepsMetrics,
    view,
    propose: (current, at, out) => {
      inner.propose(current?.inner, at, out);
      if (current !== undefined && current.state.length === at.arms && explore < 1)
        cap(current, explore, at, out);
    },
    learn,
    ...(inner.forgot && {
      forgot: (own: Product, outcome: Outcome) => inner.forgot?.(own.parts[1], outcome) === true,
    }),
    restrict,
    describeConstraints: (current) => current?.estimates ?? [],
  };
  return policy as Policy;
}

/** What only the inner policy knows. */
function around(inner: Policy): Partial<Policy<Product, ConstrainedView | undefined>> {
  const {
    episodes,
    reads,
    sent,
    settled,
    note,
    predict,
    weighsPropensity,
    looksAt,
    describe,
    members,
    describeMembers,
    describePositions,
  } = inner;
  return {
    ...(episodes && { episodes }),
    ...(reads && { reads }),
    ...(sent && { sent: (view, arm, nowMs) => sent(view?.inner, arm, nowMs) }),
    ...(settled && { settled: (view, arm, outcome, nowMs) => settled(view?.inner, arm, outcome, nowMs) }),
    ...(note && { note: (view, arm) => note(view?.inner, arm) }),
    ...(predict && { predict: (view, at, arm) => predict(view?.inner, at, arm) }),
    ...(weighsPropensity && { weighsPropensity }),
    ...(looksAt !== undefined && { looksAt }),
    ...(describe && { describe: (view, arms) => describe(view?.inner, arms) }),
    ...(members && { members }),
    ...(describePositions && { describePositions: (view) => describePositions(view?.inner) }),
    ...(describeMembers && { describeMembers: (view) => describeMembers(view?.inner) }),
  };
}

function standing(
  constraints: readonly Constraint[],
  estimates: readonly (readonly ConstraintEstimate[])[],
  { arms, baseline }: ViewInput,
): Omit<ConstrainedView, 'inner'> {
  const state = new Uint8Array(arms.length);
  const excess = new Float64Array(arms.length);
  const reasons: string[] = [];
  estimates.forEach((each, a) => {
    const trusted = baseline !== undefined && baseline[a] > 0;
    each.forEach((estimate, i) => {
      const { evidence, bound, side, metric } = constraints[i];
      const found =
        estimate.state === 'violated' ? VIOLATED : estimate.state === 'met' || trusted ? MET : UNKNOWN;
      state[a] = Math.max(state[a], found);
      if (estimate.state !== 'violated') return;
      const beyond = Math.abs((estimate.mean ?? bound) - bound) / (evidence.range[1] - evidence.range[0]);
      excess[a] = Math.max(excess[a], beyond);
      const shown = (side === 'max' ? estimate.low : estimate.high) ?? Number.NaN;
      reasons.push(
        `${metric} of ${arms[a].id} is ${side === 'max' ? 'at least' : 'at most'} ${short(shown)}, bound ${short(bound)}`,
      );
    });
  });
  const verdict: Verdict =
    reasons.length === 0
      ? PASS
      : Object.freeze({
          kind: 'restrict',
          guard: 'constraint',
          why: `${reasons.slice(0, 3).join('; ')}${reasons.length > 3 ? '; and more' : ''}`,
          exclude: state.map((each) => (each === VIOLATED ? 1 : 0)),
        } as const);
  return { state, excess, estimates, verdict, only: arms.map(() => undefined) };
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** The verdict for what is allowed. Allocates only when all of it violates for the first time. */
function restrict(view: ConstrainedView | undefined, allowed: Uint8Array, arms: number): Verdict {
  if (view === undefined || view.state.length !== arms || view.verdict === PASS) return PASS;
  let least = -1;
  for (let a = 0; a < arms; a++) {
    if (allowed[a] === 0) continue;
    if (view.state[a] !== VIOLATED) return view.verdict;
    if (least < 0 || view.excess[a] < view.excess[least]) least = a;
  }
  if (least < 0) return view.verdict;
  const known = view.only[least];
  if (known !== undefined) return known;
  const only: Verdict = Object.freeze({
    kind: 'restrict',
    guard: 'constraint',
    why: `every allowed arm violates, the least of them serves: ${view.verdict.why}`,
    exclude: view.state.map((_, a) => (a === least ? 0 : 1)),
  });
  view.only[least] = only;
  return only;
}

/**
 * Arms not known yet get `explore` together at most; what is taken off goes to those that hold every constraint, in
 * proportion, or evenly where they had nothing. Without such an arm there is nobody to give it to.
 */
function cap(view: ConstrainedView, explore: number, { arms, allowed }: PolicyInput, out: Proposal): void {
  const { state } = view;
  const { p } = out;
  let unsure = 0;
  let sure = 0;
  let holding = 0;
  for (let a = 0; a < arms; a++) {
    if (allowed[a] === 0) continue;
    if (state[a] === MET) {
      sure += p[a];
      holding++;
    } else unsure += p[a];
  }
  if (holding === 0 || unsure <= explore) return;
  for (let a = 0; a < arms; a++) {
    if (allowed[a] === 0) continue;
    if (state[a] !== MET) p[a] = explore * (p[a] / unsure);
    else p[a] = (1 - explore) * (sure > 0 ? p[a] / sure : 1 / holding);
  }
}
