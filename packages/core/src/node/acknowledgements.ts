import type { Applied } from '../sync/messages.ts';
import { jsonSize } from './json-bytes.ts';
import type { ChildLink, ParentLink } from './links.ts';
import { speaksFor } from './names.ts';
import { routeTo } from './outbox.ts';
import { isSilent } from './silence.ts';
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

/** Most of what has been applied below that goes up in one message; the next goes on from there. */
const APPLIED_BYTES = 1 << 20;

/** Of this, what the parent has not acknowledged to have heard. */
export function appliedUp(node: NodeState, link: ParentLink): Applied[] {
  const due = [...appliedBelow(node)].filter(([name, tags]) => link.appliedSent.get(name) !== tags.join(' '));
  const out: Applied[] = [];
  let bytes = 0;
  const first = due.length === 0 ? 0 : link.appliedAt % due.length;
  for (const [name, tags] of [...due.slice(first), ...due.slice(0, first)]) {
    const entry = { node: name, tags };
    bytes += jsonSize(entry) + 1;
    if (out.length > 0 && bytes > APPLIED_BYTES) {
      link.appliedAt = first + out.length;
      break;
    }
    out.push(entry);
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
    // Of a kill that is not known here it is said again, once that has come.
    node.applied.set(name, new Set(tags.filter((tag) => node.controls.kills.has(tag))));
    routeTo(node, name, link.key);
    for (const tag of tags) {
      const times = node.killTimes.get(tag);
      if (times !== undefined && !times.acks.has(name))
        times.acks.set(name, node.moment.monoMs - times.durableMs);
    }
    if (node.parent !== undefined) node.parent.urgent = true;
  }
}
