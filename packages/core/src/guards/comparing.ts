import type { ComparedMetric, ComparedVariant, ComparisonPlan } from '../comparison.ts';
import { NAME_PATTERN } from '../limits.ts';
import {
  choice,
  flag,
  given,
  list,
  number,
  type Options,
  object,
  onlyKeys,
  refuse,
  share,
  text,
} from '../options.ts';
import { hash32 } from '../stats/hash.ts';

/**
 * Reads `metrics`: names, or `{ metric, better, guardrail, margin }` each; default: the reward. `better` is `higher` but
 * for `error` and times (`…Ms`).
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
    onlyKeys(spec, ['metric', 'better', 'guardrail', 'margin'], at);
    const metric = readName(spec, 'metric', at);
    if (seen.has(metric)) refuse(at, 'metric', metric, 'is there twice', 'Name every metric once.');
    seen.add(metric);
    const usual = metric === 'error' || metric.endsWith('Ms') ? 'lower' : 'higher';
    return {
      metric,
      better: choice(spec, 'better', ['higher', 'lower'], usual, at),
      guardrail: flag(spec, 'guardrail', guardrail, at),
      margin: number(spec, 'margin', { min: 0, default: 0 }, at),
    };
  });
}

/** A name as points have them: it becomes part of a stratum. Required. */
export function readName(options: Options, key: string, path: string): string {
  const name = text(options, key, undefined, path);
  if (!NAME_PATTERN.test(name))
    refuse(path, key, name, 'is not a name', 'Use letters, digits, dots, dashes and underscores.');
  return name;
}

/** Reads `analysis`: `{ kind: sequential | fixed, alpha, horizon }`. */
export function readPlan(options: Options, path: string): ComparisonPlan {
  const spec = given(options, 'analysis') ? object(options.analysis, path, 'analysis') : {};
  const at = `${path}.analysis`;
  onlyKeys(spec, ['kind', 'alpha', 'horizon'], at);
  const kind = choice(spec, 'kind', ['sequential', 'fixed'], 'sequential', at);
  const rule = { min: 200, max: 1e12, integer: true };
  return {
    kind,
    alpha: share(spec, 'alpha', { min: 1e-6, max: 0.5, default: 0.05 }, at),
    horizon:
      kind === 'sequential' && !given(spec, 'horizon')
        ? Number.POSITIVE_INFINITY
        : number(spec, 'horizon', rule, at),
  };
}

/** The key under which outcomes of it add up: another split, other variants or a new generation begin anew. */
export function comparisonKey(name: string, variants: readonly ComparedVariant[], more: unknown): string {
  const shape = JSON.stringify([variants.map(({ name, share }) => [name, share]), more]);
  return `${name}.${hash32(shape).toString(36)}`;
}
