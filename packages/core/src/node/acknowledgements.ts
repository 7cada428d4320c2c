import type { Applied } from '../sync/messages.ts';
import { isSilent } from './forgetting.ts';
import type { ChildLink } from './links.ts';
import { speaksFor } from './names.ts';
import { type NodeState, refuse } from './state.ts';

/** Which standing kills this node and those below have durably applied: what goes up. */
export function appliedBelow(node: NodeState): Map<string, readonly string[]> {
  const standing = [...node.durableControls.kills.keys()].sort();
  const out = new Map<string, readonly string[]>([[node.name, standing]]);
  for (const [name, tags] of node.applied) {
    // Of a node that is silent somebody else may know more by now.
    const way = node.children.get(node.routes.get(name) ?? '');
    if (name !== node.name && way !== undefined && !isSilent(node, way)) out.set(name, [...tags].sort());
  }
  return out;
}

/** A child says what it and those below it have applied. The time counts from the kill's being durable here. */
export function hearApplied(node: NodeState, applied: readonly Applied[], link: ChildLink): void {
  for (const { node: name, tags } of applied) {
    if (
      typeof name !== 'string' ||
      !Array.isArray(tags) ||
      (node.applied.size >= node.limits.origins && !node.applied.has(name))
    )
      continue;
    if (!speaksFor(node, link, name)) {
      refuse(node, 'name_of_another');
      continue;
    }
    node.applied.set(name, new Set(tags.filter((tag) => typeof tag === 'string').slice(0, 100_000)));
    node.routes.set(name, link.key);
    for (const tag of tags) {
      const times = node.killTimes.get(tag);
      if (times !== undefined && !times.acks.has(name))
        times.acks.set(name, node.moment.monoMs - times.durableMs);
    }
    if (node.parent !== undefined) node.parent.urgent = true;
  }
}
