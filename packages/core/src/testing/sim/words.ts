import { decodeControls, encodeControls } from '../../controls/control-codec.ts';
import { joinControls } from '../../controls/control-state.ts';
import { isRemoved, parseTag } from '../../controls/removed.ts';
import { jsonBytes } from '../../node/json-bytes.ts';
import { fromHex } from '../../node/seal.ts';
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
 * The root is back from an old image, and so is this one or the one above it: what it knows, all that the root knows
 * among it, no child of the root can prove to have heard there. It stands here, as ADR 10 says, until people say it anew.
 */
export function isStranded(world: World, state: NodeState, root: NodeState): boolean {
  const [cloud, ...below] = world.machines;
  const isBack = (name: string): boolean => below.some((machine) => machine.name === name && machine.named);
  return (
    cloud.named &&
    state.path.slice(0, 2).some(isBack) &&
    joinControls(state.controls, root.controls) === state.controls &&
    !below.some(({ process }) => process !== undefined && canProve(process.node.state, root))
  );
}

/** Whether it holds, under the root's seal, what the root does not know. */
const canProve = (state: NodeState, root: NodeState): boolean =>
  state.vouched.some(
    ({ controls, seal }) =>
      root.ports.seals?.verify(root.secret, jsonBytes(controls), fromHex(seal)) === true &&
      joinControls(root.controls, decodeControls(controls, root.limits)) !== root.controls,
  );

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
