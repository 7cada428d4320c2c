import type { ControlsJson } from '../controls/control-codec.ts';

/**
 * A node's own words, as it may meet them again: controls that it sent down, under a seal that only its secret makes.
 * The secret is on its disk and in every backup of it, so a node that comes back from an old one recognises what it said
 * since, and nobody below can make up a word of it.
 */
export interface SealedControls {
  readonly controls: ControlsJson;
  readonly seal: string;
}

/** What a child keeps of its parent's words. */
export interface Vouched extends SealedControls {
  readonly parent: string;
  /** The parent has forgotten some of it. */
  readonly forgotten: boolean;
}

/** 256 bits. */
export function newSecret(uint32: () => number): Uint8Array {
  const secret = new Uint8Array(32);
  const view = new DataView(secret.buffer);
  for (let i = 0; i < 32; i += 4) view.setUint32(i, uint32());
  return secret;
}
