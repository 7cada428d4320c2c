import type { Evidence } from '../evidence.ts';
import type { Moments } from '../learners/moments.ts';
import { type Product, product } from '../learners/product.ts';
import { NAME_PATTERN } from '../limits.ts';
import { given, list, number, type Options, object, refuse, rejectUnknown, share, text } from '../options.ts';
import type {
  ArmEstimate,
  MemberEstimate,
  Outcome,
  Policy,
  PolicyInput,
  Proposal,
  ViewInput,
} from '../policy.ts';
import { type Factory, type FactoryInput, resolveKind } from '../registry.ts';
import { mix32 } from '../stats/hash.ts';
import { type Agreement, agreement, compareProposals, correlationOf } from './agreement.ts';
import { halfLife } from './thompson.ts';
import { countVotes, hasVotes, maxRatioOf, type Standing, standings, type VoteRules, votes } from './vote.ts';

interface Member {
  readonly name: string;
  readonly policy: Policy;
}

/** What the members read, how they are weighed, and room for what they propose. */
export interface EnsembleView {
  readonly arms: number;
  readonly views: readonly unknown[];
  /** 0 where a member could not make its view: it is not asked until the next one. */
  readonly ready: Uint8Array;
  readonly standing: readonly Standing[];
  readonly voted: boolean;
  /** Outcomes each has learned from, undecayed. */
  readonly learned: readonly number[];
  /** Local signals, carried from view to view. */
  readonly failures: Float64Array;
  readonly alike: Agreement;
  /** Of the last proposal. */
  readonly proposals: readonly Proposal[];
  readonly answered: Uint8Array;
  fresh: boolean;
  allowedCount: number;
}

const MOST_MEMBERS = 16;

/**
 * `{ kind: ensemble, members, rate, halfLife, floor }`: several policies vote, and a vote weighs what its member would
 * have earned alone. The proposal is the weighted mixture, so its probabilities are exact. Each member learns from every
 * outcome, whoever proposed the arm.
 *
 * - `members`: 2 to 16 policies, each with its options, a `name` (default: its kind) and a `weight` beforehand (1).
 * - `rate`: learning rate per unit of the range; default: that of EXP4, which falls as outcomes come in.
 * - `halfLife`: after which an outcome weighs half in the vote; without it nothing is forgotten.
 * - `floor` (default 2 %): share of the vote spread evenly, so that a member that was bad can come back.
 *
 * A member that throws, or proposes what is no distribution, is left out of that decision; one stopped by a control is
 * not asked. Only when none answers does the policy fail, and the point serves its fallback.
 *
 * Confidence is (1 − Σ w · TV(member, mixture)) × the mean confidence, by weight, of those members that know one: the
 * probability mass on which they agree, no more sure than they are. Unknown before the first outcome.
 */
export const ensemble: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['members', 'rate', 'halfLife', 'floor'], input.path);
  const made = compileEnsemble(options, input);
  const { members, evidence, rules } = made;
  const policy: Policy<Product, EnsembleView | undefined> = {
    name: 'ensemble/1',
    evidence,
    additive: members.every((member) => member.policy.additive),
    members: members.map(({ name }) => name),
    view: (own, others, at, previous) => viewOf(made, own, others, at, previous),
    propose: (current, at, out) => {
      // Without a view (as a baseline) or with one of other arms, the members answer as they do without one.
      const usable =
        current?.arms === at.arms && current.views.length === members.length
          ? current
          : { ...blank(members.length, at.arms, undefined), standing: even(rules.prior) };
      ask(members, usable, at);
      vote(members, usable, at, out);
    },
    note: (current, arm) => (current === undefined ? undefined : noteVotes(current, arm)),
    learn: (own, outcome) => learn(made, own, outcome),
    ...signals(members),
    ...(members.some(({ policy: each }) => each.predict !== undefined) && {
      predict: (current, at, arm) =>
        current?.arms === at.arms ? expected(members, current, at, arm) : Number.NaN,
    }),
    looksAt: members.find((member) => member.policy.looksAt !== undefined)?.policy.looksAt,
    weighsPropensity: true,
    describe: (current, arms) => (current === undefined ? [] : describeArms(members, current, arms)),
    describeMembers: (current) =>
      current === undefined ? [] : members.map((member, m) => describeMember(member, current, m)),
  };
  return policy as Policy;
};

/** What is decided once, at definition. */
interface Ensemble {
  readonly members: readonly Member[];
  readonly rules: VoteRules;
  /** Evidence of the vote, and of it and all members together, in this order. */
  readonly ballots: ReturnType<typeof votes>;
  readonly evidence: Evidence<Product>;
  readonly maxRatio: number;
}

function compileEnsemble(options: Options, input: FactoryInput): Ensemble {
  const { members, prior } = compileMembers(options, input);
  const rules: VoteRules = {
    members: members.length,
    prior,
    rate: given(options, 'rate') ? number(options, 'rate', { min: 1e-6, max: 100 }, input.path) : undefined,
    floor: share(options, 'floor', { min: 0.001, max: 1, default: 0.02 }, input.path),
  };
  const ballots = votes(input.range, halfLife(options, input.path), rules);
  const evidence = product('ensemble/1', [ballots, ...members.map(({ policy }) => policy.evidence)]);
  return { members, rules, ballots, evidence, maxRatio: maxRatioOf(rules) };
}

function compileMembers(
  options: Options,
  input: FactoryInput,
): { readonly members: readonly Member[]; readonly prior: readonly number[] } {
  const specs = list(options, 'members', input.path, 2);
  const path = `${input.path}.members`;
  if (specs.length > MOST_MEMBERS)
    refuse(path, '', specs, 'has too many members', `Give 2 to ${MOST_MEMBERS}.`);
  const prior: number[] = [];
  const members = specs.map((each, m): Member => {
    const at = `${path}[${m}]`;
    const { name: _, weight: __, ...spec } = object(each, at);
    const policy = resolveKind(input.policies ?? {}, spec.kind, at)(spec, { ...input, path: at });
    if (policy.note !== undefined)
      refuse(at, 'kind', spec.kind, 'keeps notes of its own', 'List its members here instead.');
    if (policy.episodes !== undefined)
      refuse(at, 'kind', spec.kind, 'learns sequences', 'Make it the policy of the point itself.');
    prior.push(number(object(each, at), 'weight', { min: 1e-6, max: 1e6, default: 1 }, at));
    const name = text(object(each, at), 'name', String(spec.kind), at);
    if (!NAME_PATTERN.test(name))
      refuse(at, 'name', name, 'is not a name', 'Use letters, digits, dots, dashes and underscores.');
    return { name, policy };
  });
  members.forEach(({ name }, m) => {
    if (members.findIndex((other) => other.name === name) !== m)
      refuse(`${path}[${m}]`, 'name', name, 'is there twice', 'Give each member a name of its own.');
  });
  return { members, prior };
}

function blank(members: number, arms: number, previous: EnsembleView | undefined): EnsembleView {
  const same = previous?.views.length === members;
  return {
    arms,
    views: new Array(members).fill(undefined),
    ready: new Uint8Array(members).fill(1),
    standing: [],
    voted: false,
    learned: [],
    failures: same ? previous.failures : new Float64Array(members),
    alike: same ? previous.alike : agreement(members),
    proposals: Array.from({ length: members }, () => ({ p: new Float64Array(arms), confidence: Number.NaN })),
    answered: new Uint8Array(members),
    fresh: false,
    allowedCount: 0,
  };
}

/** A member that cannot make its view goes without one. */
function viewOf(
  { members, rules, ballots }: Ensemble,
  own: Product,
  others: Product,
  at: ViewInput,
  previous: EnsembleView | undefined,
): EnsembleView {
  const made = blank(members.length, at.arms.length, previous);
  const views = members.map(({ policy }, m) => {
    try {
      const before = previous?.views.length === members.length ? previous.views[m] : undefined;
      const input = { ...at, seed: mix32(at.seed, m) };
      return policy.view(own.parts[m + 1], others.parts[m + 1], input, before);
    } catch {
      made.ready[m] = 0;
      made.failures[m]++;
      return undefined;
    }
  });
  const total = ballots.add(own.parts[0] as Moments, others.parts[0] as Moments);
  return {
    ...made,
    views,
    standing: standings(ballots, total, rules, at.arms.length, ballots.decayTo(total, at.nowMs)),
    voted: hasVotes(total),
    learned: members.map(
      ({ policy }, m) =>
        policy.evidence.outcomes(own.parts[m + 1]) + policy.evidence.outcomes(others.parts[m + 1]),
    ),
  };
}

function even(prior: readonly number[]): readonly Standing[] {
  const sum = prior.reduce((total, each) => total + each, 0);
  return prior.map((each) => ({ weight: each / sum, mean: null, low: null, high: null, n: 0 }));
}

/** Every member that may answer is asked. The only place where a failure of one is caught while deciding. */
function ask(members: readonly Member[], view: EnsembleView, input: PolicyInput): void {
  const { views, ready, answered, proposals, failures } = view;
  for (let m = 0; m < members.length; m++) {
    answered[m] = 0;
    if (ready[m] === 0 || input.stopped?.[m] === 1) continue;
    const out = proposals[m];
    out.confidence = Number.NaN;
    try {
      members[m].policy.propose(views[m], input, out);
      if (isDistribution(out, input)) answered[m] = 1;
      else failures[m]++;
    } catch {
      failures[m]++;
    }
  }
}

function isDistribution({ p }: Proposal, { arms, allowed }: PolicyInput): boolean {
  let sum = 0;
  for (let a = 0; a < arms; a++) {
    if (!(p[a] >= 0) || (p[a] > 0 && allowed[a] === 0)) return false;
    sum += p[a];
  }
  return Math.abs(sum - 1) <= 1e-9;
}

/** The mixture of those that answered, and how sure it is. Allocates nothing. */
function vote(members: readonly Member[], view: EnsembleView, input: PolicyInput, out: Proposal): void {
  const { answered, proposals, standing } = view;
  const { arms } = input;
  let weight = 0;
  for (let m = 0; m < members.length; m++) if (answered[m] === 1) weight += standing[m].weight;
  if (!(weight > 0)) throw new Error('no member of the ensemble answers');
  for (let a = 0; a < arms; a++) {
    let sum = 0;
    for (let m = 0; m < members.length; m++)
      if (answered[m] === 1) sum += standing[m].weight * proposals[m].p[a];
    out.p[a] = Math.min(1, sum / weight);
  }
  let apart = 0;
  let known = 0;
  let confidence = 0;
  for (let m = 0; m < members.length; m++) {
    if (answered[m] === 0) continue;
    const w = standing[m].weight;
    for (let a = 0; a < arms; a++) apart += (w * Math.abs(proposals[m].p[a] - out.p[a])) / 2;
    const sure = proposals[m].confidence;
    if (Number.isNaN(sure)) continue;
    known += w;
    confidence += w * sure;
  }
  const agree = Math.max(0, 1 - apart / weight);
  out.confidence = view.voted ? agree * (known > 0 ? Math.min(1, confidence / known) : 1) : Number.NaN;
  view.fresh = true;
  view.allowedCount = input.allowedCount;
}

/** Each member's share for the arm, and −1 of those that did not answer: once for each proposal. */
function noteVotes(view: EnsembleView, arm: number): readonly number[] | undefined {
  if (!view.fresh) return undefined;
  view.fresh = false;
  const { proposals, answered, alike, arms, allowedCount } = view;
  compareProposals(alike, proposals, answered, arms, allowedCount);
  return proposals.map(({ p }, m) => (answered[m] === 1 ? p[arm] : -1));
}

function learn({ members, ballots, maxRatio }: Ensemble, own: Product, outcome: Outcome): Product {
  countVotes(ballots, own.parts[0] as Moments, outcome, members.length, maxRatio);
  members.forEach((member, m) => {
    try {
      own.parts[m + 1] = member.policy.learn(own.parts[m + 1], outcome);
    } catch {
      // It stays behind the others, which shows in `learned`; they go on.
    }
  });
  return own;
}

/** Local signals go to every member that has a view; a failure of one is its own. */
function signals(
  members: readonly Member[],
): Pick<Required<Policy<Product, EnsembleView | undefined>>, 'sent' | 'settled'> {
  const tell = (view: EnsembleView | undefined, say: (member: Member, own: unknown) => void): void => {
    if (view === undefined || view.views.length !== members.length) return;
    members.forEach((member, m) => {
      if (view.ready[m] === 0) return;
      try {
        say(member, view.views[m]);
      } catch {
        view.failures[m]++;
      }
    });
  };
  return {
    sent: (view, arm, nowMs) => tell(view, ({ policy }, own) => policy.sent?.(own, arm, nowMs)),
    settled: (view, arm, outcome, nowMs) =>
      tell(view, ({ policy }, own) => policy.settled?.(own, arm, outcome, nowMs)),
  };
}

/** The mixture of what the members say; rewards as the weightiest member that keeps any has them. */
function describeArms(members: readonly Member[], view: EnsembleView, arms: number): readonly ArmEstimate[] {
  const told = members.map(({ policy }, m) => {
    try {
      return view.ready[m] === 1 ? (policy.describe?.(view.views[m], arms) ?? []) : [];
    } catch {
      return [];
    }
  });
  let speaker = -1;
  told.forEach((each, m) => {
    if (each.length === arms && !(view.standing[m].weight <= view.standing[speaker]?.weight)) speaker = m;
  });
  if (speaker < 0) return [];
  return told[speaker].map((estimate, a) => {
    let allocation: number | null = 0;
    told.forEach((each, m) => {
      const share = each[a]?.allocation ?? null;
      allocation =
        allocation === null || share === null ? null : allocation + view.standing[m].weight * share;
    });
    return { ...estimate, allocation };
  });
}

/** What the members that can say expect of an arm, by their votes. */
function expected(members: readonly Member[], view: EnsembleView, at: PolicyInput, arm: number): number {
  let sum = 0;
  let votes = 0;
  for (let m = 0; m < members.length; m++) {
    const { predict } = members[m].policy;
    const weight = view.standing[m]?.weight ?? 0;
    if (predict === undefined || view.ready[m] === 0 || !(weight > 0)) continue;
    try {
      const mean = predict(view.views[m], at, arm);
      if (Number.isNaN(mean)) continue;
      sum += weight * mean;
      votes += weight;
    } catch {
      // As in a vote: one that fails has no say.
    }
  }
  return votes > 0 ? sum / votes : Number.NaN;
}

function describeMember({ name }: Member, view: EnsembleView, m: number): MemberEstimate {
  return {
    member: name,
    ...view.standing[m],
    learned: view.learned[m],
    failures: view.failures[m],
    correlation: view.proposals.map((_, other) => correlationOf(view.alike, m, other)),
  };
}
