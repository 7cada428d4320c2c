import { type ControlsJson, decodeControls, encodeControls } from '../controls/control-codec.ts';
import { type ControlState, joinControls } from '../controls/control-state.ts';
import { hmacSha256 } from '../stats/sha256.ts';
import type { DownMessage } from '../sync/messages.ts';
import { jsonBytes } from './json-bytes.ts';
import type { SealedControls } from './secret.ts';
import { type NodeState, refuse } from './state.ts';

const sealOf = (secret: Uint8Array, controls: ControlsJson): string =>
  [...hmacSha256(secret, jsonBytes(controls))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The seal over what is durable here, for what goes down. Made once for each state. */
export function currentSeal(node: NodeState): string {
  if (node.sealed.state !== node.durableControls)
    node.sealed = {
      state: node.durableControls,
      seal: sealOf(node.secret, encodeControls(node.durableControls)),
    };
  return node.sealed.seal;
}

/** What a child hands back under this node's own seal, or undefined where it is not. */
export function ownWords(node: NodeState, sealed: SealedControls): ControlState | undefined {
  const seal = sealOf(node.secret, sealed.controls);
  if (seal.length === sealed.seal.length && seal === sealed.seal)
    return decodeControls(sealed.controls, node.limits);
  refuse(node, 'seal_not_ours');
  return undefined;
}

/**
 * Keeps the newest words of the parent. What it sends now takes their place only if it says no less: else it has
 * forgotten some, and is handed what it said before.
 */
export function keepWords(node: NodeState, down: DownMessage): void {
  const { seal } = down;
  if (seal === undefined || seal === '' || seal === node.vouched?.seal) return;
  const controls =
    down.controls ?? (down.digest === node.durableDigest ? encodeControls(node.durableControls) : undefined);
  if (controls === undefined) return;
  const before = node.vouched;
  if (before?.parent === down.node) {
    const now = decodeControls(controls, node.limits);
    if (joinControls(now, decodeControls(before.controls, node.limits)) !== now) {
      node.vouched = { ...before, forgotten: true };
      return;
    }
  }
  node.vouched = { parent: down.node, controls, seal, forgotten: false };
  node.writes.push({
    kind: 'put',
    collection: 'vouched',
    key: 'parent',
    value: jsonBytes({ parent: down.node, controls, seal }),
  });
}

/** What to hand up: what the parent said and has forgotten. */
export function wordsForgotten(node: NodeState, parent: string): SealedControls | null {
  const { vouched } = node;
  if (vouched === undefined || !vouched.forgotten || vouched.parent !== parent) return null;
  return { controls: vouched.controls, seal: vouched.seal };
}
