/** The inner loops of linear models in WebAssembly with SIMD: in browsers, workers and Node alike. */

import {
  type Kernels,
  MOST_COLUMNS,
  MOST_ROWS,
  multiply,
  type Rectangle,
  SIDE,
  type Taken,
  type Triangle,
  takeInto,
  triangularSquare,
} from '@ganglion/core';
import { KERNELS_BASE64 } from './kernels/bytes.ts';

// The platform's WebAssembly, as far as it is used here: no library that core and adapters are compiled with knows it.
interface Memory {
  readonly buffer: ArrayBuffer;
}
declare const WebAssembly:
  | {
      validate(bytes: Uint8Array): boolean;
      Module: new (bytes: Uint8Array) => object;
      Memory: new (pages: { initial: number; maximum: number }) => Memory;
      Instance: new (module: object, imports: object) => { readonly exports: unknown };
    }
  | undefined;

interface Exports {
  multiply(block: number, blocks: number, stride: number, used: number): void;
  squared_length(block: number, blocks: number, used: number): number;
}

export interface WasmKernelsOptions {
  /** Room for tables, bytes, rounded up to 64 KiB: from 1 MiB to 1 GiB. Only what is used takes memory. */
  readonly tableBytes?: number | undefined;
}

const PAGE = 65_536;
const DEFAULT_TABLE_BYTES = 32 << 20;
// As in kernels.wat.
const COLUMNS_AT = 2048;
const SUMS_AT = 4096;
const TABLES_AT = 12_288;
const BLOCK_COLUMN = SIDE * 8;

/** A table that lost its place gets it back when it was asked for so often: else two that fill the room would only copy. */
const PATIENCE = 8;

/**
 * Kernels in WebAssembly, or undefined where the platform has none, lacks SIMD or forbids it (a page's content security
 * policy, say): core's own, which give the same bits, then do the work. Memory is taken when the first table is made.
 *
 * Tables live in a ring of `tableBytes`: the oldest make room, and are copied in again, or computed in plain TypeScript,
 * when they are asked for. A table that is larger than the ring is always computed so.
 */
export function wasmKernels(options: WasmKernelsOptions = {}): Kernels | undefined {
  const tableBytes = Math.min(Math.max(options.tableBytes ?? DEFAULT_TABLE_BYTES, 1 << 20), 1 << 30);
  const module = compiled();
  if (module === undefined) return undefined;
  const pages = Math.ceil((TABLES_AT + tableBytes) / PAGE);
  let room: Room | undefined;
  const open = (): Room => {
    room ??= roomOf(module, pages);
    return room;
  };
  return {
    get sums() {
      return open().sums;
    },
    take: (x, length) => takeInto(open().taken, x, length),
    rectangle: (numbers, columns) => rectangleIn(open(), numbers, columns),
    triangle: (numbers, dimension) => triangleIn(open(), numbers, dimension),
  };
}

function compiled(): object | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const bytes = Uint8Array.from(atob(KERNELS_BASE64), (letter) => letter.charCodeAt(0));
  try {
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
  } catch {
    return undefined;
  }
}

/** One memory, and what lies where in it. */
interface Room {
  readonly run: Exports;
  readonly taken: Taken;
  readonly sums: Float64Array;
  readonly tables: Float64Array;
  /** Numbers ever written, and passed over at the end of the ring: the next stands at this modulo its length. */
  written: number;
}

function roomOf(module: object, pages: number): Room {
  const memory = new WebAssembly!.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly!.Instance(module, { ganglion: { memory } });
  const { buffer } = memory;
  return {
    run: instance.exports as Exports,
    taken: {
      values: new Float64Array(buffer, 0, MOST_COLUMNS),
      columns: new Int32Array(buffer, COLUMNS_AT, MOST_COLUMNS),
      used: 0,
    },
    sums: new Float64Array(buffer, SUMS_AT, MOST_ROWS),
    tables: new Float64Array(buffer, TABLES_AT),
    written: 0,
  };
}

/** A table and where it was written, counted as `Room.written` counts. */
interface Placed {
  readonly numbers: Float64Array;
  start: number;
  /** How often it may still be asked for without a place. */
  patience: number;
}

const placed = (numbers: Float64Array): Placed => ({ numbers, start: -Infinity, patience: 1 });

/** The table's address, copied in if need be; −1: it has none now. */
function addressOf(room: Room, table: Placed): number {
  const { tables } = room;
  if (room.written > table.start + tables.length && !place(room, table)) return -1;
  return TABLES_AT + (table.start % tables.length) * 8;
}

function place(room: Room, table: Placed): boolean {
  const { tables } = room;
  const { numbers } = table;
  table.patience--;
  if (table.patience > 0 || numbers.length > tables.length) return false;
  table.patience = PATIENCE;
  const left = tables.length - (room.written % tables.length);
  // A table lies in one piece: what is left at the end of the ring is passed over.
  if (numbers.length > left) room.written += left;
  table.start = room.written;
  tables.set(numbers, table.start % tables.length);
  room.written += numbers.length;
  return true;
}

function rectangleIn(room: Room, numbers: Float64Array, columns: number): Rectangle {
  const table = placed(numbers);
  const rowBytes = columns * 8;
  return {
    multiply: (from, to) => {
      const address = from < to ? addressOf(room, table) : -1;
      if (address < 0) multiply(numbers, columns, room.taken, from, to, room.sums);
      else
        room.run.multiply(
          address + from * rowBytes,
          (to - from) / SIDE,
          columns * BLOCK_COLUMN,
          room.taken.used,
        );
    },
  };
}

function triangleIn(room: Room, numbers: Float64Array, dimension: number): Triangle {
  const table = placed(numbers);
  const blocks = Math.ceil(dimension / SIDE);
  return {
    squaredLength: () => {
      const address = addressOf(room, table);
      return address < 0
        ? triangularSquare(numbers, dimension, room.taken, room.sums)
        : room.run.squared_length(address, blocks, room.taken.used);
    },
  };
}
