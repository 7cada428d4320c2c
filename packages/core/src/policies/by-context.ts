import { type Moments, moments } from '../learners/moments.ts';
import { type Product, product } from '../learners/product.ts';
import { choice, given, list, object, onlyKeys, refuse, rejectUnknown } from '../options.ts';
import type { Outcome, Policy } from '../policy.ts';
import { type Factory, type FactoryInput, resolveKind } from '../registry.ts';
import { type Conditions, compileConditions, holds } from './conditions.ts';
import { recordReward } from './unlearned.ts';

/** One rule: a policy, and for which contexts. */
interface Branch {
  readonly conditions: Conditions;
  readonly policy: Policy;
}

const KIND = 'by-context';

/**
 * `{ kind: by-context, rules: [{ when, policy }, …, { policy }], learn }`: a policy for each kind of context, chosen by a
 * decision table as in `rules`: the first rule that holds. Explore in the evening, exploit on mobile:
 * `rules: [{ when: { hour: { min: 18 } }, policy: { kind: square-cb } }, { policy: { kind: epsilon-greedy, epsilon: 1% } }]`.
 *
 * The table is a function of the context alone, so propensities stay exact and every outcome finds its rule again.
 *
 * - `learn`: `own` (default): a policy learns from the contexts that are its own; `all`: each learns from all outcomes, so
 *   that they differ in how they explore, not in what they know.
 */
export const byContext: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['rules', 'learn'], input.path);
  const branches = compileBranches(options, input);
  const everywhere = choice(options, 'learn', ['own', 'all'], 'own', input.path) === 'all';
  const branchOf = (context: Float64Array): number => {
    for (let i = 0; i < branches.length; i++) if (holds(branches[i].conditions, context)) return i;
    return branches.length - 1;
  };

  // Counts every outcome, whoever learns from it.
  const count = moments({ range: input.range });
  const tally = recordReward(count);

  const policy: Policy<Product, readonly unknown[] | undefined> = {
    name: `${KIND}/1`,
    evidence: product(`${KIND}/1`, [count, ...branches.map(({ policy }) => policy.evidence)]),
    additive: branches.every(({ policy }) => policy.additive),
    view: (own, others, at, previous) =>
      branches.map(({ policy }, i) => {
        const before = previous?.length === branches.length ? previous[i] : undefined;
        return policy.view(own.parts[i + 1], others.parts[i + 1], at, before);
      }),
    propose: (view, at, out) => {
      const i = branchOf(at.context);
      branches[i].policy.propose(view?.[i], at, out);
    },
    learn: (own, outcome) => {
      const { parts } = own;
      parts[0] = tally(parts[0] as Moments, outcome);
      const chosen = branchOf(outcome.context);
      branches.forEach(({ policy }, i) => {
        if (everywhere || i === chosen) parts[i + 1] = policy.learn(parts[i + 1], outcome);
      });
      return own;
    },
    ...(branches.every(({ policy }) => policy.predict !== undefined) && {
      predict: (view, at, arm) => {
        const i = branchOf(at.context);
        return branches[i].policy.predict?.(view?.[i], at, arm) ?? Number.NaN;
      },
    }),
    looksAt: branches.find(({ policy }) => policy.looksAt !== undefined)?.policy.looksAt,
    learns: branches.every(({ policy }) => policy.learns === false) ? false : undefined,
    weighsPropensity: branches.some(({ policy }) => policy.weighsPropensity === true),
    // Local signals are of arms, not of contexts: all hear them.
    sent: (view, arm, nowMs) =>
      branches.forEach(({ policy }, i) => {
        policy.sent?.(view?.[i], arm, nowMs);
      }),
    settled: (view, arm, outcome: Outcome, nowMs) =>
      branches.forEach(({ policy }, i) => {
        policy.settled?.(view?.[i], arm, outcome, nowMs);
      }),
    // What the last rule, which is for all other contexts, says of them.
    describe: (view, arms) => {
      const last = branches.length - 1;
      const estimates = view === undefined ? [] : (branches[last].policy.describe?.(view[last], arms) ?? []);
      return estimates.map((estimate) => ({ ...estimate, allocation: null }));
    },
  };
  return policy as Policy;
};

function compileBranches(options: Readonly<Record<string, unknown>>, input: FactoryInput): readonly Branch[] {
  const rules = list(options, 'rules', input.path);
  if (rules.length > MOST_RULES)
    refuse(input.path, 'rules', rules.length, 'are too many', `Give at most ${MOST_RULES}.`);
  const branches = rules.map((each, i): Branch => {
    const path = `${input.path}.rules[${i}]`;
    const rule = object(each, path);
    onlyKeys(rule, ['when', 'policy'], path);
    const when = given(rule, 'when') ? object(rule.when, `${path}.when`) : {};
    const spec = object(rule.policy, path, 'policy');
    if (spec.kind === KIND)
      refuse(`${path}.policy`, 'kind', KIND, 'chooses by context already', 'Put its rules into this table.');
    const member = `${path}.policy`;
    const policy = resolveKind(input.policies ?? {}, spec.kind, member)(spec, { ...input, path: member });
    if (policy.note !== undefined)
      refuse(
        member,
        'kind',
        spec.kind,
        'keeps notes of its own',
        'Put the choice by context into its members.',
      );
    if (policy.episodes !== undefined)
      refuse(member, 'kind', spec.kind, 'learns sequences', 'Make it the policy of the point itself.');
    return { conditions: compileConditions(when, input.fields, `${path}.when`), policy };
  });
  if (branches[branches.length - 1].conditions.length > 0)
    refuse(input.path, 'rules', options.rules, 'may hold for nothing', 'End with a rule without `when`.');
  return branches;
}

const MOST_RULES = 16;
