import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import { type ControlState, joinControls } from '../controls/control-state.ts';
import { GanglionError } from '../errors.ts';
import type { DownMessage } from '../sync/messages.ts';
import { jsonBytes } from './json-bytes.ts';
import type { SealedControls } from './secret.ts';
import { type NodeState, refuse } from './state.ts';

const toHex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));

/** The seal over what is durable here, for what goes down; empty where the node has no seals. Made once for each state. */
export function currentSeal(node: NodeState): string {
  const { seals } = node.ports;
  if (seals === undefined) return '';
  if (node.sealed.state !== node.durableControls)
    node.sealed = {
      state: node.durableControls,
      seal: toHex(seals.seal(node.secret, jsonBytes(encodeControls(node.durableControls)))),
    };
  return node.sealed.seal;
}

/** What a child hands back under this node's own seal, or undefined where it is not. */
export function ownWords(node: NodeState, sealed: SealedControls): ControlState | undefined {
  try {
    if (node.ports.seals?.verify(node.secret, jsonBytes(sealed.controls), fromHex(sealed.seal)))
      return decodeControls(sealed.controls, node.limits);
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
  }
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
