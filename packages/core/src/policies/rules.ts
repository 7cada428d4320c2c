import { armId, given, list, type Options, object, onlyKeys, refuse, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory, FactoryInput } from '../registry.ts';
import { type Conditions, compileConditions, holds } from './conditions.ts';
import { fillOne, fillUniform } from './distribution.ts';
import { unlearned } from './unlearned.ts';

/** A decision table: the first rule that holds and whose arm is allowed. */
export interface Rule {
  readonly conditions: Conditions;
  readonly arm: number;
}

/**
 * Compiles `rules: [{ when: { field: condition }, arm }, …, { arm }]`. The last rule must have no condition, so that the
 * table always answers. @throws GanglionError `invalid_spec`
 */
export function compileRules(options: Options, input: FactoryInput): readonly Rule[] {
  const path = input.path === '' ? 'rules' : `${input.path}.rules`;
  const rules = list(options, 'rules', input.path).map((each, i) => {
    const at = `${path}[${i}]`;
    const rule = object(each, at);
    onlyKeys(rule, ['when', 'arm'], at);
    const id = armId(rule, 'arm', input.arms, at);
    const when = given(rule, 'when') ? object(rule.when, `${at}.when`) : {};
    return {
      conditions: compileConditions(when, input.fields, `${at}.when`),
      arm: input.arms.findIndex((arm) => arm.id === id),
    };
  });
  if (rules[rules.length - 1].conditions.length > 0)
    refuse(path, '', options.rules, 'may hold for nothing', 'End with a rule without `when`.');
  return rules;
}

/** The arm of the first rule that holds and is allowed, or −1. Allocates nothing. */
export function matchRule(rules: readonly Rule[], context: Float64Array, allowed: Uint8Array): number {
  for (let i = 0; i < rules.length; i++)
    if (allowed[rules[i].arm] === 1 && holds(rules[i].conditions, context)) return rules[i].arm;
  return -1;
}

/** `{ kind: rules, rules }`: a decision table; while no rule's arm is allowed, even shares over those that are. */
export const rules: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['rules'], input.path);
  const table = compileRules(options, input);
  return unlearned('rules/1', input, (at, out) => {
    const arm = matchRule(table, at.context, at.allowed);
    if (arm >= 0) fillOne(arm, at, out);
    else fillUniform(at, out);
  }) as Policy;
};
