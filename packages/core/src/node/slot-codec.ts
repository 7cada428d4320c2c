import { ByteReader, ByteWriter } from '../bytes.ts';
import { HEAVIEST_MAX } from '../sync/messages.ts';
import type { Slot } from '../sync/slots.ts';

/** A slot on disk: its evidence and what is known of its way. */
export function encodeSlot(slot: Slot, version: number, bytes: Uint8Array): Uint8Array {
  return new ByteWriter(bytes.length + 128)
    .byte(VERSION)
    .varint(version)
    .text(slot.route)
    .text(slot.onlyVia)
    .text(slot.sentTo)
    .byte((slot.counted ? COUNTED : 0) | (slot.out ? OUT : 0))
    .float64(slot.changedMs)
    .float64(slot.heardMs)
    .bytes(bytes)
    .float64(slot.heaviest)
    .finish();
}

/**
 * Version 1 does not say when the slot was first heard of: its last change stands for it. Versions 1 and 2 do not say how heavy
 * an outcome may be: as heavy as there can be.
 */
const VERSION = 3;
const COUNTED = 1;
const OUT = 2;

export type StoredSlot = Pick<
  Slot,
  'version' | 'route' | 'onlyVia' | 'sentTo' | 'counted' | 'out' | 'changedMs' | 'heaviest' | 'heardMs'
> & {
  readonly bytes: Uint8Array;
};

/** @throws GanglionError `undecodable` */
export function decodeSlot(value: Uint8Array, maxBytes: number): StoredSlot {
  const input = new ByteReader(value, maxBytes + 4096);
  const format = input.byte();
  if (!(format >= 1 && format <= VERSION)) input.fail('not a slot of this version');
  const version = input.varint();
  const route = input.text(512);
  const onlyVia = input.text(512);
  const sentTo = input.text(512);
  const flags = input.byte();
  const changedMs = input.finite();
  return {
    version,
    route,
    onlyVia,
    sentTo,
    counted: (flags & COUNTED) !== 0,
    out: (flags & OUT) !== 0,
    changedMs,
    heardMs: format === 1 ? changedMs : input.finite(),
    bytes: input.bytes(maxBytes),
    heaviest: format < 3 ? HEAVIEST_MAX : input.finite(),
  };
}
