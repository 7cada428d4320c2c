import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import { type ControlState, joinControls } from '../controls/control-state.ts';
import { GanglionError } from '../errors.ts';
import type { DownMessage } from '../sync/messages.ts';
import { jsonBytes } from './json-bytes.ts';
import type { SealedControls } from './secret.ts';
import { type NodeState, refuse } from './state.ts';

const toHex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The bytes of a seal as it is sent. */
export const fromHex = (text: string): Uint8Array =>
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

/** A parent that goes back several times, each time to other words, is handed back so many of them. */
const VOUCHED_MAX = 4;

/**
 * Keeps the newest words of the parent. What it sends now takes the place of what says no more; where something does, the
 * parent has forgotten it, and is handed it. Both are kept: it may forget the new words in their turn.
 */
export function keepWords(node: NodeState, down: DownMessage): void {
  const { seal } = down;
  if (seal === undefined || seal === '') return;
  const known = node.vouched.find((kept) => kept.seal === seal);
  // As a rule they are the only ones, or the others are known to be forgotten.
  if (known?.forgotten === false && node.vouched.every((kept) => kept === known || kept.forgotten)) return;
  const controls =
    known?.controls ??
    down.controls ??
    (down.digest === node.durableDigest ? encodeControls(node.durableControls) : undefined);
  if (controls === undefined) return;
  const now = decodeControls(controls, node.limits);
  const forgotten = node.vouched.filter(
    (kept) =>
      kept !== known &&
      kept.parent === down.node &&
      joinControls(now, decodeControls(kept.controls, node.limits)) !== now,
  );
  node.vouched = [
    ...forgotten.slice(0, VOUCHED_MAX - 1).map((kept) => ({ ...kept, forgotten: true })),
    { parent: down.node, controls, seal, forgotten: false },
  ];
  node.writes.push({
    kind: 'put',
    collection: 'vouched',
    key: 'parent',
    value: jsonBytes(
      node.vouched.map((kept) => ({ parent: kept.parent, controls: kept.controls, seal: kept.seal })),
    ),
  });
}

/** What to hand up: what the parent said and has forgotten, one after the other. */
export function wordsForgotten(node: NodeState, parent: string): SealedControls | null {
  const next = node.vouched.find((kept) => kept.forgotten && kept.parent === parent);
  if (next === undefined) return null;
  node.vouched = [...node.vouched.filter((kept) => kept !== next), next];
  return { controls: next.controls, seal: next.seal };
}
