import { DIGEST_PATTERN } from '../controls/model-state.ts';
import { GanglionError } from '../errors.ts';
import { type Limits, METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import { type Options, object, onlyKeys, rejectUnknown } from '../options.ts';
import type { CompiledPoint } from './define.ts';
import type { ArmSpec } from './spec.ts';

/** Reads `arms`. @throws GanglionError `invalid_spec` */
export function compileArms(raw: Options, limits: Limits): ArmSpec[] {
  const arms = raw.arms;
  if (!Array.isArray(arms) || arms.length === 0 || arms.length > limits.arms) {
    const wanted = Array.isArray(arms) ? `have 1 to ${limits.arms} items, not ${arms.length}` : 'be a list';
    throw new GanglionError('invalid_spec', `arms must ${wanted}`, {
      field: 'arms',
      ...(Array.isArray(arms) ? {} : { value: arms }),
      mend: `Give 1 to ${limits.arms} names.`,
    });
  }
  const seen = new Set<string>();
  return arms.map((arm: unknown, i) => {
    const path = `arms[${i}]`;
    const spec: Options = typeof arm === 'string' ? { id: arm } : object(arm, path);
    rejectUnknown(spec, ['id', 'features', 'artifact'], path);
    const id = spec.id;
    if (typeof id !== 'string' || !NAME_PATTERN.test(id))
      throw new GanglionError('invalid_spec', `${path} is not a name`, {
        field: path,
        value: id,
        mend: 'Use letters, digits, dots, dashes and underscores.',
      });
    if (seen.has(id))
      throw new GanglionError('invalid_spec', `${path} is there twice`, {
        field: path,
        value: id,
        mend: 'Remove one of them.',
      });
    seen.add(id);
    const artifact = compileArtifact(spec, path);
    if (spec.features === undefined) return { id, ...artifact };
    const features = object(spec.features, `${path}.features`);
    for (const key of Object.keys(features)) {
      const value = features[key];
      if (typeof value !== 'string' && !(typeof value === 'number' && Number.isFinite(value)))
        throw new GanglionError(
          'invalid_spec',
          `${path}.features.${key} must be a finite number or a string`,
          { field: `${path}.features.${key}`, value },
        );
    }
    return { id, features: features as ArmSpec['features'] & object, ...artifact };
  });
}

function compileArtifact(arm: Options, path: string): Pick<ArmSpec, 'artifact'> {
  if (arm.artifact === undefined) return {};
  const at = `${path}.artifact`;
  const artifact = object(arm.artifact, at);
  onlyKeys(artifact, ['model', 'version', 'digest', 'latency'], at);
  for (const [key, pattern] of ARTIFACT_FIELDS) {
    const value = artifact[key];
    if (key === 'latency' && value === undefined) continue;
    if (typeof value !== 'string' || !pattern.test(value))
      throw new GanglionError('invalid_spec', `${at}.${key} is malformed`, {
        field: `${at}.${key}`,
        value,
        mend: 'Give { model, version, digest }, the digest as 64 hexadecimal digits.',
      });
  }
  return { artifact: artifact as unknown as ArmSpec['artifact'] & object };
}

const ARTIFACT_FIELDS = [
  ['model', NAME_PATTERN],
  ['version', NAME_PATTERN],
  ['digest', DIGEST_PATTERN],
  ['latency', METRIC_PATTERN],
] as const;

/** The arms as the runtime knows them: by number, and under the key that what they earn is kept by. */
export function armsOf(
  specs: readonly ArmSpec[],
  generations: Readonly<Record<string, number>>,
): Pick<CompiledPoint, 'armIds' | 'arms' | 'artifacts'> {
  return {
    armIds: specs.map(({ id }) => id),
    arms: specs.map((arm) => ({ id: arm.id, key: keyOf(arm, generations), features: arm.features })),
    artifacts: specs.some(({ artifact }) => artifact !== undefined)
      ? specs.map(({ artifact }) => artifact)
      : undefined,
  };
}

/** What an artifact has earned is its own whenever it comes back, and never another's under the same name. */
function keyOf({ id, artifact }: ArmSpec, generations: Readonly<Record<string, number>>): string {
  const generation = Object.hasOwn(generations, id) ? generations[id] : 0;
  return `${id}#${artifact?.digest.slice(0, 12) ?? generation}`;
}
