import { type ControlState, EMPTY_CONTROLS, joinControls } from '../controls/control-state.ts';
import { applyQuarantine } from '../sync/slots.ts';
import { controlsStatus } from './control-report.ts';
import { isBelow } from './names.ts';
import { refreshView, syncPoints } from './points.ts';
import { isOut } from './quarantine.ts';
import { emit, type NodeState, refuse } from './state.ts';

/** Puts a new control state in force, at once in memory; it is on disk with the next batch. */
export function changeControls(node: NodeState, controls: ControlState, placeChanged = false): void {
  if (controls === node.controls && !placeChanged) return;
  const changed = controls !== node.controls;
  node.controls = controls;
  if (changed) node.controlsDirty = true;
  syncPoints(node);
  for (const learner of node.learners.values())
    if (applyQuarantine(learner.slots, (slot) => isOut(node, slot)))
      for (const state of node.points.values()) refreshView(node, state);
  for (const link of node.children.values()) link.urgent = true;
  if (node.parent !== undefined) node.parent.urgent = true;
  if (node.listeners.size > 0)
    emit(node, { kind: 'controls', node: node.name, controls: controlsStatus(node) });
}

/**
 * What a child may add to our controls. Kills only ever narrow, so anybody below may report or hand back any of them;
 * taking something back needs authority over the place it was said for, and so does everything else, except to a root
 * that has just started: it may have been restored from a backup, and adopts what the tree knows.
 */
export function acceptFromChild(node: NodeState, child: string, theirs: ControlState): ControlState {
  const kills = newTags(node, node.controls.kills, theirs.kills);
  if (recovering(node))
    return joinControls(node.controls, {
      ...theirs,
      kills,
      overrides: newTags(node, node.controls.overrides, theirs.overrides),
      quarantines: newTags(node, node.controls.quarantines, theirs.quarantines),
    });
  const below = (name: string): boolean => isBelow(node, child, name);
  const removed = new Set<string>();
  for (const tag of theirs.removed) {
    if (node.controls.removed.has(tag)) continue;
    const said =
      node.controls.kills.get(tag) ?? node.controls.overrides.get(tag) ?? node.controls.quarantines.get(tag);
    if (said === undefined ? below(tag.slice(0, tag.indexOf('~'))) : below(said.subtree)) removed.add(tag);
    else refuse(node, 'removal_without_authority');
  }
  const overrides = new Map(
    [...newTags(node, node.controls.overrides, theirs.overrides)].filter(([, said]) => below(said.subtree)),
  );
  return joinControls(node.controls, { ...EMPTY_CONTROLS, kills, overrides, removed });
}

/**
 * What a child says under tags that are new here. What was said first stands, or a child could turn a standing kill
 * into one of nothing; and nobody else makes tags in the name of this process.
 */
function newTags<T>(
  node: NodeState,
  ours: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  const out = new Map<string, T>();
  for (const [tag, said] of theirs) {
    if (ours.has(tag)) continue;
    if (!tag.startsWith(`${node.origin}~`)) out.set(tag, said);
    else if (!node.controls.removed.has(tag)) refuse(node, 'forged_control');
  }
  return out;
}

export function recovering(node: NodeState): boolean {
  return (
    node.isRoot &&
    node.ownOrigins.size > 1 &&
    node.moment.monoMs - node.startedMonoMs < node.tuning.restartGraceMs
  );
}
