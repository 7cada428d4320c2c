import { actingOf, championOf, type ModelEntry, servingOf } from '../controls/model-state.ts';
import { GanglionError } from '../errors.ts';
import { METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import { object, onlyKeys } from '../options.ts';
import type { ModelVersion } from '../status.ts';
import type { ArmSpec, KindSpec, PointSpec, VersionArms } from './spec.ts';

/** The word that stands for whichever version is the champion. */
const CHAMPION = 'champion';

/** Whether a kill stops a version of a model at the place where the declaration runs. */
export type Stops = (model: string, version: ModelVersion) => boolean;

const NONE: Stops = () => false;

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
 * Where a kill stops the champion, the latest earlier one that lives stands for it, with its share; the champion stays an arm
 * that is masked, for it is what serves again once the kill is taken back. Where none lives, a fallback to the champion
 * is to the arm of a fixed baseline.
 *
 * @throws GanglionError `invalid_spec`; `unknown_model` where nothing is registered under this name
 */
export function running(
  spec: PointSpec,
  models: ReadonlyMap<string, ModelEntry>,
  stops: Stops = NONE,
): PointSpec {
  const model = modelOf(spec);
  if (model === undefined) return spec;
  const entry = models.get(model);
  if (entry === undefined)
    throw new GanglionError('unknown_model', `there is no model ${model}`, {
      field: 'arms.versions',
      value: model,
      mend: 'Register its first version with POST /v1/models/{model}/versions.',
    });
  const stopped = (version: ModelVersion): boolean => stops(model, version);
  const acting = actingOf(entry, stopped);
  const serving = [...servingOf(entry).filter((each) => each !== acting), acting];
  const latency = versionArms(spec.arms as VersionArms).latency;
  const arms: ArmSpec[] = serving.map(({ version, digest }) => ({
    id: version,
    artifact: { model, version, digest, ...(latency === undefined ? {} : { latency }) },
  }));
  const champion = acting.version;
  const shares = Object.fromEntries(serving.map(({ version, traffic }) => [version, traffic]));
  const others = serving.reduce((sum, each) => sum + (each === acting ? 0 : each.traffic), 0);
  shares[champion] = Math.max(0, 1 - others);
  const name = <T>(value: T): T => named(value, champion) as T;
  const weights = (declared: unknown): unknown => standIn(declared, championOf(entry).version, champion);
  return {
    ...spec,
    arms,
    fallback:
      spec.fallback === CHAMPION
        ? stopped(acting)
          ? (fixedArm(spec, serving, stopped) ?? champion)
          : champion
        : name(spec.fallback),
    ...(spec.baseline === undefined ? {} : { baseline: name(spec.baseline) }),
    ...(spec.guards === undefined ? {} : { guards: name(spec.guards) }),
    policy: policyOver(spec.policy, shares, name, weights),
  };
}

/** Weights with what the champion has given to whoever stands for it. */
function standIn(declared: unknown, champion: string, acting: string): unknown {
  if (champion === acting || typeof declared !== 'object' || declared === null) return declared;
  const weights = declared as Readonly<Record<string, number>>;
  return { ...weights, [champion]: 0, [acting]: (weights[champion] ?? 0) + (weights[acting] ?? 0) };
}

/** The arm of a fixed baseline, if it serves and no kill stops it. */
function fixedArm(
  { baseline }: PointSpec,
  serving: readonly ModelVersion[],
  stopped: (version: ModelVersion) => boolean,
): string | undefined {
  if (baseline?.kind !== 'fixed') return undefined;
  return serving.find((each) => each.version === baseline.arm && !stopped(each))?.version;
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
  stops: Stops = NONE,
): T {
  try {
    return compile(running(spec, models, stops));
  } catch (cause) {
    const model = modelOf(spec) ?? '';
    const entry = models.get(model);
    if (entry === undefined) throw cause;
    const acting = actingOf(entry, (version) => stops(model, version));
    try {
      return compile(running(withoutLost(spec, entry, acting), models, stops));
    } catch (second) {
      // One arm more, for whoever stands for the champion, may be one too many.
      if (acting === championOf(entry)) throw second;
      return compiledOver(spec, models, compile);
    }
  }
}

/**
 * The declaration with whoever is or stands for the champion in place of versions that serve no longer; weights that name one:
 * the registry's shares.
 */
function withoutLost(spec: PointSpec, entry: ModelEntry, acting: ModelVersion): PointSpec {
  const champion = acting.version;
  const serving = [...servingOf(entry).map(({ version }) => version), champion];
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
  weights: (declared: unknown) => unknown,
): KindSpec {
  if (policy?.kind === 'fixed') return name(policy);
  if (policy?.kind !== 'split') return policy;
  if (policy.weights !== undefined) return { ...policy, weights: weights(policy.weights) };
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
