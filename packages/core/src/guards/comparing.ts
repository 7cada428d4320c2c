import type { ComparedMetric, ComparedVariant, ComparisonPlan } from '../comparison.ts';
import { NAME_PATTERN } from '../limits.ts';
import {
  AMOUNT,
  choice,
  flag,
  given,
  list,
  number,
  type Options,
  object,
  onlyKeys,
  parseShare,
  refuse,
  share,
  text,
} from '../options.ts';
import { hash32 } from '../stats/hash.ts';

/**
 * Reads `metrics`: names, or `{ metric, better, guardrail, margin, centre }` each; default: the reward. `better` is `higher`
 * but for `error` and times (`…Ms`). A guardrail of another name than these, `success`, `reward` and `return` must say it:
 * `checkGuards` refuses one that does not where it is declared, and what stood before is marked (`assumed`).
 */
export function readMetrics(
  options: Options,
  key: string,
  path: string,
  guardrail = false,
): ComparedMetric[] {
  if (!given(options, key)) return [{ metric: 'reward', better: 'higher', guardrail, margin: 0 }];
  const seen = new Set<string>();
  return list(options, key, path).map((item, i) => {
    const field = `${key}[${i}]`;
    const spec: Options = typeof item === 'string' ? { metric: item } : object(item, path, field);
    const at = `${path}.${field}`;
    onlyKeys(spec, ['metric', 'better', 'guardrail', 'margin', 'centre'], at);
    const metric = readName(spec, 'metric', at);
    if (seen.has(metric)) refuse(at, 'metric', metric, 'is there twice', 'Name every metric once.');
    seen.add(metric);
    const usual = metric === 'error' || metric.endsWith('Ms') ? 'lower' : 'higher';
    const guards = flag(spec, 'guardrail', guardrail, at);
    const told = given(spec, 'better') || usual === 'lower' || RISING.includes(metric);
    return {
      metric,
      better: choice(spec, 'better', ['higher', 'lower'], usual, at),
      guardrail: guards,
      ...(guards && !told ? { assumed: `${at}.better` } : {}),
      margin: number(spec, 'margin', { min: 0, default: 0 }, at),
      ...(given(spec, 'centre') ? { centre: number(spec, 'centre', AMOUNT, at) } : {}),
    };
  });
}

/** Metrics of which everybody knows that more is better. */
const RISING = ['success', 'reward', 'return'];

/** A name as points have them: it becomes part of a stratum. Required. */
export function readName(options: Options, key: string, path: string): string {
  const name = text(options, key, undefined, path);
  if (!NAME_PATTERN.test(name))
    refuse(path, key, name, 'is not a name', 'Use letters, digits, dots, dashes and underscores.');
  return name;
}

/**
 * Reads `analysis`: `{ kind, alpha, horizon, looks, spending }`. `kind`: `sequential` (default), `fixed` or
 * `group-sequential`; the latter two need a `horizon`. `looks`: how many, evenly, or at which parts of the horizon; default 5.
 * `spending`: `obrien-fleming` (default: strict early, hardly a price at the end) or `pocock`.
 */
export function readPlan(options: Options, path: string): ComparisonPlan {
  const spec = given(options, 'analysis') ? object(options.analysis, path, 'analysis') : {};
  const at = `${path}.analysis`;
  const kind = choice(spec, 'kind', ['sequential', 'fixed', 'group-sequential'], 'sequential', at);
  const grouped = kind === 'group-sequential';
  onlyKeys(spec, ['kind', 'alpha', 'horizon', ...(grouped ? ['looks', 'spending'] : [])], at);
  const rule = { min: 200, max: 1e12, integer: true };
  const horizon =
    kind === 'sequential' && !given(spec, 'horizon')
      ? Number.POSITIVE_INFINITY
      : number(spec, 'horizon', rule, at);
  return {
    kind,
    alpha: share(spec, 'alpha', { min: 1e-6, max: 0.5, default: 0.05 }, at),
    horizon,
    looks: kind === 'sequential' ? [] : grouped ? readLooks(spec, at, horizon) : [1],
    spending: choice(spec, 'spending', ['obrien-fleming', 'pocock'], 'obrien-fleming', at),
  };
}

// At fewer the normal law, which the boundaries are made of, has not set in.
const FIRST_LOOK = 200;

function readLooks(spec: Options, path: string, horizon: number): number[] {
  const many = typeof spec.looks === 'number' || !given(spec, 'looks');
  const count = many ? number(spec, 'looks', { min: 2, max: 20, integer: true, default: 5 }, path) : 0;
  const looks = many
    ? Array.from({ length: count }, (_, i) => (i + 1) / count)
    : list(spec, 'looks', path, 2).map((part, i) => parseShare(part, path, `looks[${i}]`));
  if (looks.length > 20) refuse(path, 'looks', looks.length, 'is too long', 'Give at most 20.');
  looks.forEach((part, i) => {
    if (part <= (i === 0 ? 0 : looks[i - 1]))
      refuse(
        path,
        `looks[${i}]`,
        part,
        'is not above the look before it',
        'Give rising parts of the horizon.',
      );
  });
  if (looks[looks.length - 1] !== 1)
    refuse(path, 'looks', spec.looks, 'does not end at the horizon', 'Make the last one 100 %.');
  if (looks[0] * horizon < FIRST_LOOK)
    refuse(path, 'looks', spec.looks, `would look at fewer than ${FIRST_LOOK}`, 'Look later, or less often.');
  return looks;
}

/** The key under which outcomes of it add up: another split, other variants or a new generation begin anew. */
export function comparisonKey(name: string, variants: readonly ComparedVariant[], more: unknown): string {
  const shape = JSON.stringify([variants.map(({ name, share }) => [name, share]), more]);
  return `${name}.${hash32(shape).toString(36)}`;
}
