import { encodeControls } from '../../controls/control-codec.ts';
import { joinControls } from '../../controls/control-state.ts';
import { isRemoved, parseTag } from '../../controls/removed.ts';
import type { NodeState } from '../../node/state.ts';
import type { World } from './world.ts';

/**
 * Whether a node holds other controls than the root without excuse. What people said at one that has lost its disk may be known below it only, and nobody below may say it anew. And
 * what was taken back at a node of one that was leaving it stays so there, and nowhere else.
 */
export function differs(world: World, state: NodeState, root: NodeState): boolean {
  if (state.durableDigest === root.durableDigest || isStranded(world, state, root)) return false;
  const named = world.machines.filter((machine) => machine.named).map((machine) => `${machine.name}~`);
  for (const [tag, { subtree }] of [...root.controls.kills, ...root.controls.overrides])
    if (tookBackTooLate(world, state, tag, subtree)) named.push(`${parseTag(tag)?.origin}`);
  if (named.length === 0) return true;
  const rest = (of: NodeState): string => {
    const json = encodeControls(of.controls);
    const known = ({ tag }: { tag: string }): boolean => !named.some((name) => tag.startsWith(name));
    const ranges = json.ranges?.filter(([origin]) => known({ tag: origin }));
    return JSON.stringify({
      ...json,
      kills: json.kills.filter(known),
      overrides: json.overrides.filter(known),
      ranges,
    });
  };
  return rest(state) !== rest(root);
}

/**
 * The root is back from an old image, and the one above this has lost its disk, and with it the secret under which it had
 * passed on what the root said since: this one alone knows that, all that the root knows as well, and cannot prove it
 * (ADR 10).
 */
export function isStranded(world: World, state: NodeState, root: NodeState): boolean {
  const [cloud] = world.machines;
  const parent = world.machines.find(({ name }) => name === state.path[1]);
  if (parent === undefined || parent === cloud || !cloud.named || !parent.named) return false;
  const refused = parent.process?.node.state.refused.seal_not_ours ?? 0;
  return refused > 0 && joinControls(state.controls, root.controls) === state.controls;
}

/** Taken back here or further up, where the one who said it was no longer: it stands where that one is. */
export const tookBackTooLate = (world: World, state: NodeState, tag: string, subtree: string): boolean =>
  isRemoved(state.controls.removed, tag) && !isUnder(world, subtree, state.name);

function isUnder(world: World, name: string, above: string): boolean {
  const machine = world.machines.find((each) => each.name === name && !each.cloned);
  return (
    name === above ||
    (machine !== undefined && machine.parent !== '' && isUnder(world, machine.parent, above))
  );
}
