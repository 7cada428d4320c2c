import { GanglionError } from './errors.ts';
import type { FeatureFactory } from './feature.ts';
import type { Guard } from './guard.ts';
import type { Kernels } from './kernels.ts';
import type { Policy } from './policy.ts';

/** What a factory may know of the point it is made for. */
export interface FactoryInput {
  readonly point: string;
  readonly arms: readonly {
    readonly id: string;
    readonly features?: Readonly<Record<string, number | string>> | undefined;
  }[];
  /** Compiled context fields, in order. */
  readonly fields: readonly {
    readonly name: string;
    readonly type: 'number' | 'category' | 'boolean';
    readonly values?: readonly string[] | undefined;
    /** Bounds of a number; infinite where none are declared. */
    readonly min?: number | undefined;
    readonly max?: number | undefined;
    /** Scale of a number, for models. */
    readonly mean?: number | undefined;
    readonly sd?: number | undefined;
    /** How many columns a model gives to undeclared categories. */
    readonly buckets?: number | undefined;
    readonly required?: boolean | undefined;
  }[];
  /** Declared range of the reward. */
  readonly range: readonly [number, number];
  /** Field path for error messages, such as `guards[2]`. */
  readonly path: string;
  /** The policies there are, for a policy that is made of others. */
  readonly policies?: Readonly<Record<string, Factory<Policy>>> | undefined;
  /** What the node's platform runs loops with; undefined: plain TypeScript. */
  readonly kernels?: Kernels | undefined;
}

/** Builds one family member from its declaration. Bad options throw `invalid_spec`, naming the field and the mend. */
export type Factory<T> = (options: Readonly<Record<string, unknown>>, input: FactoryInput) => T;

/** Makes of a policy one that pursues a point's objective as declared; the policy itself where a reward is all there is. */
export type AroundPolicy = (
  policy: Policy,
  objective: Readonly<Record<string, unknown>>,
  input: FactoryInput,
) => Policy;

/** The families a node knows, by `kind`. Passed explicitly, never global: a browser bundles only what it uses. */
export interface Registry {
  readonly policies: Readonly<Record<string, Factory<Policy>>>;
  readonly guards: Readonly<Record<string, Factory<Guard>>>;
  /** Constraints and metrics of objectives; undefined: points that declare any are refused. */
  readonly objective?: AroundPolicy | undefined;
  /** Features, by the word that a definition begins with; undefined: points that declare any are refused. */
  readonly features?: Readonly<Record<string, FeatureFactory>> | undefined;
  /** Learning by position, for points that rank; undefined: points with a slate are refused. */
  readonly slate?: AroundPolicy | undefined;
}

/** Registries side by side, each of as many families as it has; a kind defined twice throws. */
export function mergeRegistries(...registries: readonly Partial<Registry>[]): Registry {
  const merge = <T>(family: string, parts: readonly Readonly<Record<string, T>>[]): Record<string, T> => {
    const all: Record<string, T> = Object.create(null);
    for (const part of parts)
      for (const kind of Object.keys(part)) {
        if (kind in all)
          throw new GanglionError('invalid_input', `${family} kind "${kind}" is registered twice`, {
            field: kind,
            mend: 'Give one of them another name.',
          });
        all[kind] = part[kind];
      }
    return all;
  };
  return {
    policies: merge(
      'policy',
      registries.map((r) => r.policies ?? {}),
    ),
    guards: merge(
      'guard',
      registries.map((r) => r.guards ?? {}),
    ),
    features: registries.some((r) => r.features !== undefined)
      ? merge(
          'feature',
          registries.map((r) => r.features ?? {}),
        )
      : undefined,
    objective: registries.find((r) => r.objective !== undefined)?.objective,
    slate: registries.find((r) => r.slate !== undefined)?.slate,
  };
}

/** The factory of a kind. @throws GanglionError `unknown_kind`, listing what there is. */
export function resolveKind<T>(family: Readonly<Record<string, T>>, kind: unknown, path: string): T {
  const found = typeof kind === 'string' && Object.hasOwn(family, kind) ? family[kind] : undefined;
  if (found === undefined)
    throw new GanglionError('unknown_kind', `${path}.kind is not known here`, {
      field: `${path}.kind`,
      value: kind,
      mend: `Use one of: ${Object.keys(family).sort().join(', ')}.`,
    });
  return found;
}
