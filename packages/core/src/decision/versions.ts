import { type ModelEntry, servingOf } from '../controls/model-state.ts';
import { GanglionError } from '../errors.ts';
import { METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import { object, onlyKeys } from '../options.ts';
import type { ArmSpec, KindSpec, PointSpec, VersionArms } from './spec.ts';

/** The word that stands for whichever version is the champion. */
const CHAMPION = 'champion';

/** The model whose versions are a point's arms; undefined where its arms are declared one by one. */
export const modelOf = (spec: { readonly arms?: unknown }): string | undefined =>
  typeof spec.arms === 'object' && spec.arms !== null && !Array.isArray(spec.arms)
    ? versionArms(spec.arms).versions
    : undefined;

/**
 * A declaration as it runs: `arms: { versions: MODEL }` becomes the versions that serve, and `champion` the version that
 * is. A function of the declaration and the registry alone, so that every node makes the same of them; all others stay as
 * they are, the same object. The champion stands last: a challenger that comes or goes moves only units of the champion.
 *
 * - `arm: champion` in the fallback, the baseline, guards and a `fixed` policy: the champion;
 * - a `split` without weights: by the versions' traffic, each unit keeping its version.
 *
 * @throws GanglionError `invalid_spec`; `unknown_model` where nothing is registered under this name
 */
export function running(spec: PointSpec, models: ReadonlyMap<string, ModelEntry>): PointSpec {
  const model = modelOf(spec);
  if (model === undefined) return spec;
  const entry = models.get(model);
  if (entry === undefined)
    throw new GanglionError('unknown_model', `there is no model ${model}`, {
      field: 'arms.versions',
      value: model,
      mend: 'Register its first version with POST /v1/models/{model}/versions.',
    });
  const serving = servingOf(entry);
  const latency = versionArms(spec.arms as VersionArms).latency;
  const arms: ArmSpec[] = serving.map(({ version, digest }) => ({
    id: version,
    artifact: { model, version, digest, ...(latency === undefined ? {} : { latency }) },
  }));
  const champion = serving[serving.length - 1].version;
  const shares = Object.fromEntries(serving.map(({ version, traffic }) => [version, traffic]));
  const challengers = serving.reduce((sum, { traffic }) => sum + traffic, 0);
  shares[champion] = Math.max(0, 1 - challengers);
  const name = <T>(value: T): T => named(value, champion) as T;
  return {
    ...spec,
    arms,
    fallback: spec.fallback === CHAMPION ? champion : name(spec.fallback),
    ...(spec.baseline === undefined ? {} : { baseline: name(spec.baseline) }),
    ...(spec.guards === undefined ? {} : { guards: name(spec.guards) }),
    policy: policyOver(spec.policy, shares, name),
  };
}

/**
 * What `compile` makes of a declaration as it runs. Where it makes nothing, for a version that the declaration names serves
 * no longer (a rollback took it, whoever named it), that name is read as the champion: a node that went on with the arms
 * before would have them all stopped by the kill.
 * @throws what `running` and `compile` throw where that mends nothing
 */
export function compiledOver<T>(
  spec: PointSpec,
  models: ReadonlyMap<string, ModelEntry>,
  compile: (spec: PointSpec) => T,
): T {
  try {
    return compile(running(spec, models));
  } catch (cause) {
    const entry = models.get(modelOf(spec) ?? '');
    if (entry === undefined) throw cause;
    return compile(running(withoutLost(spec, entry), models));
  }
}

/** The declaration with the champion in place of versions that serve no longer; weights that name one: the registry's shares. */
function withoutLost(spec: PointSpec, entry: ModelEntry): PointSpec {
  const serving = servingOf(entry).map(({ version }) => version);
  const champion = serving[serving.length - 1];
  const lost = (arm: unknown): boolean =>
    typeof arm === 'string' && arm !== CHAMPION && !serving.includes(arm);
  const walk = <T>(value: T): T => read(value) as T;
  function read(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(read);
    if (typeof value !== 'object' || value === null) return value;
    const { kind, variants } = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, each]) => {
        // Conditions are about the context, which may have a field of any name.
        if (key === 'when') return [[key, each]];
        if (kind === 'split' && key === 'weights') return Object.keys(each).some(lost) ? [] : [[key, each]];
        const names = key === 'arm' || (key === 'control' && variants === 'policy');
        return [[key, names && lost(each) ? champion : read(each)]];
      }),
    );
  }
  return {
    ...spec,
    fallback: lost(spec.fallback) ? champion : walk(spec.fallback),
    ...(spec.baseline === undefined ? {} : { baseline: walk(spec.baseline) }),
    ...(spec.guards === undefined ? {} : { guards: walk(spec.guards) }),
    policy: walk(spec.policy),
  };
}

function policyOver(
  policy: KindSpec,
  shares: Readonly<Record<string, number>>,
  name: (policy: KindSpec) => KindSpec,
): KindSpec {
  if (policy?.kind === 'fixed') return name(policy);
  if (policy?.kind !== 'split' || policy.weights !== undefined) return policy;
  return { by: 'unit', ...policy, weights: shares };
}

/** The value with `champion` for every `arm` that says so, however deep. */
function named(value: unknown, champion: string): unknown {
  if (Array.isArray(value)) return value.map((each) => named(each, champion));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === 'arm' && each === CHAMPION ? champion : named(each, champion),
    ]),
  );
}

function versionArms(value: object): VersionArms {
  const options = object(value, 'arms');
  onlyKeys(options, ['versions', 'latency'], 'arms');
  const { versions, latency } = options;
  if (typeof versions !== 'string' || !NAME_PATTERN.test(versions)) bad('arms.versions', versions, 'a model');
  if (latency !== undefined && (typeof latency !== 'string' || !METRIC_PATTERN.test(latency)))
    bad('arms.latency', latency, 'a metric');
  return options as unknown as VersionArms;
}

function bad(field: string, value: unknown, what: string): never {
  throw new GanglionError('invalid_spec', `${field} is not the name of ${what}`, {
    field,
    value,
    mend: 'Use letters, digits, dots, dashes and underscores.',
  });
}
