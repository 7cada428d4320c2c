import { ByteReader, ByteWriter } from '../bytes.ts';
import type { GuardPieces, JsonValue } from '../guard.ts';
import {
  freezeLimit,
  type LimitState,
  layRow,
  PIECE_ROWS,
  past,
  rowsUsed,
  thawLimit,
} from './limit-state.ts';
import { rowToJson } from './ring.ts';
import { unfit } from './thaw.ts';

/**
 * A limit by unit, saved by pieces: rows that stand beside each other, so that a few decisions cost a few pieces, however
 * many units there are. What time alone takes from a row need not be written: it is read as it would be by then.
 */
export function limitPieces(empty: () => LimitState): GuardPieces<LimitState> {
  return {
    head: (state) => freezeLimit(state, false),
    count: (state) => Math.ceil(rowsUsed(state) / PIECE_ROWS),
    changed(state) {
      const numbers = [...state.touched];
      state.touched.clear();
      return numbers;
    },
    piece,
    restore: (head, pieces) => thawPieces(head, pieces, empty()),
  };
}

const FORMAT = 1;
/** A row takes at most its place, a key, the number of its newest slot, and how many sums follow, and those. */
const ROW_BYTES = 1 + 5 + 8 + 1 + 8 * 11;

/** `[place in the piece, key, newest slot, sums from the newest back]` of each row that holds anything. */
function piece(state: LimitState, number: number): Uint8Array | undefined {
  const from = number * PIECE_ROWS;
  const until = Math.min(rowsUsed(state), from + PIECE_ROWS);
  let out: ByteWriter | undefined;
  for (let row = from; row < until; row++) {
    const json = past(state, row) ? null : rowToJson(state.window, row);
    if (json === null) continue;
    out ??= new ByteWriter(512).byte(FORMAT);
    out.byte(row - from).varint(state.keys[row] >>> 0);
    out.float64(json[0]).byte(json.length - 1);
    for (let i = 1; i < json.length; i++) out.float64(json[i]);
  }
  return out?.finish();
}

/** @throws GanglionError `undecodable` where something does not fit */
function thawPieces(head: JsonValue, pieces: ReadonlyMap<number, Uint8Array>, state: LimitState): LimitState {
  thawLimit(head, state);
  for (const [number, bytes] of pieces) {
    const input = new ByteReader(bytes, 1 + PIECE_ROWS * ROW_BYTES);
    if (input.byte() !== FORMAT) unfit('piece', number);
    for (let after = -1; input.remaining > 0; ) {
      const place = input.byte();
      if (place <= after || place >= PIECE_ROWS) unfit('piece', place);
      after = place;
      const key = input.varint(0xffffffff) | 0;
      const newest = input.finite();
      const sums = Array.from({ length: input.byte() }, () => input.finite());
      layRow(state, number * PIECE_ROWS + place, key, [newest, ...sums]);
    }
  }
  // Between those that are there are some that were given back.
  const used = new Set(state.rows.values());
  let last = -1;
  for (const row of used) last = Math.max(last, row);
  for (let row = last; row >= 0; row--) if (!used.has(row)) state.free.push(row);
  return state;
}
