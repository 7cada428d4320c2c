import { artifactNames } from '../controls/model-state.ts';
import type { Scope } from '../controls/scope.ts';
import type { PointState } from '../decision/point-state.ts';
import type { NodeState } from './state.ts';

/**
 * How many of the points that are declared here a scope is about, wherever below they run: 0 tells of a mistake in writing,
 * or of a kill ahead of what it is for. Every point may run on a tier, and on a node that is known here.
 */
export function matchesOf(node: NodeState, scope: Scope): number {
  const all = [...node.points.values()];
  if (scope.kind === 'point') return node.points.has(scope.name) ? 1 : 0;
  if (scope.kind === 'domain') return all.filter(({ compiled }) => compiled.domain === scope.name).length;
  if (scope.kind === 'artifact') return all.filter((state) => uses(state, scope.name)).length;
  return scope.kind === 'node' && !isKnown(node, scope.name) ? 0 : all.length;
}

/** As an arm, a version of a model, a member of an ensemble or a feature. */
function uses({ compiled, features }: PointState, name: string): boolean {
  return (
    compiled.armIds.includes(name) ||
    compiled.policy.members?.includes(name) === true ||
    (compiled.artifacts?.some(
      (each) => each !== undefined && artifactNames(each.model, each.version, each.digest).includes(name),
    ) ??
      false) ||
    (features?.sets.some(({ fields }) => fields.some((field) => field.name === name)) ?? false)
  );
}

const isKnown = (node: NodeState, name: string): boolean =>
  node.path.includes(name) || node.routes.has(name) || node.knownChildren.has(name) || node.below.has(name);
