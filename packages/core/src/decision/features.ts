import { GanglionError } from '../errors.ts';
import type { Feature, FeatureFactory } from '../feature.ts';
import { NAME_PATTERN } from '../limits.ts';
import { duration, given, number, type Options, object, onlyKeys, refuse, text } from '../options.ts';
import type { Registry } from '../registry.ts';
import { sorted } from './sorted.ts';

/** The features that a point keeps of one kind of entity. */
export interface FeatureSet {
  readonly entity: string;
  /** Which entity a decision is about: its unit, or the text in this member of its context. */
  readonly key: { readonly context: string } | 'unit';
  /** An entity that nothing happened to for so long is forgotten. */
  readonly ttlMs: number;
  readonly maxEntities: number;
  readonly features: readonly DeclaredFeature[];
}

export interface DeclaredFeature {
  readonly name: string;
  /** What it computes, written down: features of one id are one feature, whoever declares them. */
  readonly id: string;
  readonly feature: Feature;
  /** Positions, in the same set, of what it is made of. */
  readonly of: readonly number[];
}

/** Most kinds of entities of a point, and most features of each. */
const ENTITIES_MAX = 8;
const FEATURES_MAX = 64;
/** Numbers of all entities of a set: 2 GiB. */
const ALL_NUMBERS_MAX = 2 ** 28;
/** Numbers that one entity may take: 64 KiB. */
const NUMBERS_MAX = 8192;
const DAY_MS = 86_400_000;

/** @throws GanglionError `invalid_spec`, `unsupported` */
export function compileFeatures(raw: Options, registry: Registry): readonly FeatureSet[] {
  if (raw.features === undefined) return [];
  const sets = object(raw.features, 'features');
  const family = registry.features;
  if (family === undefined)
    throw new GanglionError('unsupported', 'this registry knows no features', {
      field: 'features',
      mend: 'Give the node a registry with `features`, such as the standard one.',
    });
  const entities = Object.keys(sets);
  if (entities.length > ENTITIES_MAX)
    refuse(
      'features',
      '',
      entities.length,
      'are of too many kinds of entities',
      `Declare at most ${ENTITIES_MAX}.`,
    );
  return entities.map((entity) => compileSet(entity, object(sets[entity], `features.${entity}`), family));
}

function compileSet(
  entity: string,
  raw: Options,
  family: Readonly<Record<string, FeatureFactory>>,
): FeatureSet {
  const path = `features.${entity}`;
  if (!NAME_PATTERN.test(entity))
    refuse('features', entity, entity, 'is not a name', 'Use letters, digits, dots, dashes and underscores.');
  onlyKeys(raw, ['key', 'ttl', 'maxEntities', 'define'], path);
  const define = object(raw.define, `${path}.define`);
  const names = Object.keys(define);
  if (names.length === 0 || names.length > FEATURES_MAX)
    refuse(path, 'define', names.length, 'must declare features', `Give 1 to ${FEATURES_MAX}.`);
  const made = names.map((name) => makeFeature(name, define[name], `${path}.define`, family));
  const features = made.map(({ name, feature, id }, i) => {
    const of = (feature.of ?? []).map((part) => {
      const at = names.indexOf(part);
      if (at < 0 || made[at].feature.gives !== 'number' || made[at].feature.of !== undefined)
        refuse(
          `${path}.define`,
          name,
          part,
          'is made of what is no number that events keep up',
          'Name features of this entity that are no ratio and no text.',
        );
      return at;
    });
    return { name, feature, id: of.length === 0 ? id : `${id} of ${of.map((at) => made[at].id)}`, of, at: i };
  });
  const size = made.reduce((sum, { feature }) => sum + feature.numbers, 0);
  if (size > NUMBERS_MAX)
    refuse(
      path,
      'define',
      size,
      'take too many numbers an entity',
      `Keep them below ${NUMBERS_MAX}: fewer buckets, or a smaller n.`,
    );
  const maxEntities = number(
    raw,
    'maxEntities',
    { min: 1, max: 10_000_000, integer: true, default: 100_000 },
    path,
  );
  // Two times for each feature, and two numbers in front of all.
  if (maxEntities * (2 + size + 2 * made.length) > ALL_NUMBERS_MAX)
    refuse(
      path,
      'maxEntities',
      maxEntities,
      'would take more than 2 GiB',
      'Allow fewer, or features of fewer numbers.',
    );
  return {
    entity,
    key: keyOf(raw, path),
    ttlMs: duration(raw, 'ttl', { min: 1000, max: 400 * DAY_MS, default: 30 * DAY_MS }, path),
    maxEntities,
    features,
  };
}

function keyOf(raw: Options, path: string): FeatureSet['key'] {
  if (!given(raw, 'key') || raw.key === 'unit') return 'unit';
  const key = text(raw, 'key', undefined, path);
  const name = key.startsWith('context.') ? key.slice('context.'.length) : '';
  if (name === '') refuse(path, 'key', key, 'is no key', 'Use unit, or context.NAME.');
  return { context: name };
}

function makeFeature(
  name: string,
  value: unknown,
  path: string,
  family: Readonly<Record<string, FeatureFactory>>,
): { readonly name: string; readonly id: string; readonly feature: Feature } {
  if (!NAME_PATTERN.test(name))
    refuse(path, name, name, 'is not a name', 'Use letters, digits, dots, dashes and underscores.');
  const at = `${path}.${name}`;
  const { where, ...options } = object(value, at);
  const kinds = Object.keys(options).filter((key) => Object.hasOwn(family, key));
  const known = Object.keys(family).join(', ');
  if (kinds.length !== 1)
    refuse(at, '', value, 'does not say which one kind of feature it is', `Use one of: ${known}.`);
  const feature = family[kinds[0]](options, at);
  const id = JSON.stringify([feature.name, sorted(value)]);
  return { name, id, feature: where === undefined ? feature : filtered(feature, where, at) };
}

/** Only events whose data has these values move it. */
function filtered(feature: Feature, where: unknown, path: string): Feature {
  const wanted = Object.entries(object(where, `${path}.where`));
  if (feature.on === undefined)
    refuse(path, 'where', where, 'is for features of events', 'Put it on what this one is made of.');
  for (const [property, value] of wanted)
    if (!['string', 'number', 'boolean'].includes(typeof value))
      refuse(`${path}.where`, property, value, 'must be a text, a number or a boolean', 'Give the value.');
  return {
    ...feature,
    fold(cell, event) {
      for (const [property, value] of wanted)
        if (!Object.hasOwn(event.data, property) || event.data[property] !== value) return false;
      return feature.fold(cell, event);
    },
  };
}

/** Where `user.clicks` stands among the sets. @throws GanglionError `invalid_spec` */
export function findFeature(
  sets: readonly FeatureSet[],
  reference: unknown,
  path: string,
): { readonly set: number; readonly feature: number; readonly gives: 'number' | 'category' } {
  for (const [set, { entity, features }] of sets.entries())
    for (const [
      feature,
      {
        name,
        feature: { gives },
      },
    ] of features.entries())
      if (reference === `${entity}.${name}`) return { set, feature, gives };
  const all = sets.flatMap(({ entity, features }) => features.map(({ name }) => `${entity}.${name}`));
  return refuse(
    path,
    'feature',
    reference,
    'names no feature of this point',
    all.length === 0 ? 'Declare it under features.' : `Use one of: ${all.slice(0, 20).join(', ')}.`,
  );
}
