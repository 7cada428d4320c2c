import { artifactNames } from '../controls/model-state.ts';
import type { Scope } from '../controls/scope.ts';
import type { PointState } from '../decision/point-state.ts';
import { nearest } from '../nearest.ts';
import type { NodeState } from './state.ts';

/**
 * How many of the points that are declared here a scope is about, wherever below they run: 0 tells of a mistake in writing,
 * or of a kill ahead of what it is for. Every point may run on a tier, and on a node that is known here.
 */
export function matchesOf(node: NodeState, scope: Scope): number {
  const all = [...node.points.values()];
  if (scope.kind === 'point') return node.points.has(scope.name) ? 1 : 0;
  if (scope.kind === 'domain') return all.filter(({ compiled }) => compiled.domain === scope.name).length;
  if (scope.kind === 'artifact') return all.filter((state) => artifactsOf(state).includes(scope.name)).length;
  return scope.kind === 'node' && !isKnown(node, scope.name) ? 0 : all.length;
}

/** Beyond so many names none is looked for: a node that many hang below would be held up. */
const MOST_NAMES = 4096;

/** The scope that was probably meant by one that matches nothing: of the same kind, with the nearest name that is known here. */
export function suggestionOf(node: NodeState, scope: Scope): string | undefined {
  if (scope.kind === '*' || scope.kind === 'tier') return undefined;
  const meant = nearest(scope.name, namesOf(node, scope.kind).slice(0, MOST_NAMES));
  return meant === undefined ? undefined : `${scope.kind}:${meant}`;
}

function namesOf(node: NodeState, kind: 'point' | 'domain' | 'artifact' | 'node'): readonly string[] {
  if (kind === 'point') return [...node.points.keys()];
  if (kind === 'node')
    return [...node.path, ...node.routes.keys(), ...node.knownChildren.keys(), ...node.below.keys()];
  const all = [...node.points.values()];
  return kind === 'domain'
    ? [...new Set(all.map(({ compiled }) => compiled.domain))]
    : all.flatMap(artifactsOf);
}

/** The names that a kill of an artifact may stop here: arms, versions of models, members of an ensemble, features. */
function artifactsOf({ compiled, features }: PointState): readonly string[] {
  return [
    ...compiled.armIds,
    ...(compiled.policy.members ?? []),
    ...(compiled.artifacts ?? []).flatMap((each) =>
      each === undefined ? [] : artifactNames(each.model, each.version, each.digest),
    ),
    ...(features?.sets ?? []).flatMap(({ fields }) => fields.map(({ name }) => name)),
  ];
}

const isKnown = (node: NodeState, name: string): boolean =>
  node.path.includes(name) || node.routes.has(name) || node.knownChildren.has(name) || node.below.has(name);
