import { ByteReader, ByteWriter } from '../bytes.ts';
import { cellOf, type EntityStore, newRow } from './entities.ts';

/**
 * An entity on disk: its features by the hashes of what they compute, so that it is understood under another declaration;
 * numbers as whole numbers where they are, zeros counted. What nobody declares any more is skipped.
 */
const FORMAT = 1;
const BYTES_MAX = 1 << 22;
const NUMBERS_MAX = 1 << 16;
const TIMES = 2;

const ZEROS = 0;
const WHOLE = 1;
const FLOAT = 2;
const NOTHING = 0;
const TEXT = 1;
const BYTES = 2;

export function encodeEntity(store: EntityStore, row: number): Uint8Array {
  const { plan, numbers } = store;
  const head = row * plan.width;
  const columns = plan.columns.filter(
    ({ feature, at }) => feature.of === undefined && numbers[head + at - TIMES] !== 0,
  );
  const out = new ByteWriter(64 + 16 * columns.length)
    .byte(FORMAT)
    .float64(numbers[head])
    .varint(columns.length);
  for (const column of columns) {
    const from = head + column.at - TIMES;
    const to = head + column.at + column.feature.numbers;
    out
      .varint(column.mark[0])
      .varint(column.mark[1])
      .varint(to - from);
    for (let i = from; i < to; ) i = writeNumber(out, numbers, i, to);
    const other = column.feature.others === 0 ? undefined : store.others[row * plan.others + column.other];
    if (other === undefined) out.byte(NOTHING);
    else if (typeof other === 'string') out.byte(TEXT).text(other);
    else out.byte(BYTES).bytes(other);
  }
  return out.finish();
}

/** Writes what stands at `i`, and any zeros with it; answers where the next begins. */
function writeNumber(out: ByteWriter, numbers: Float64Array, i: number, to: number): number {
  const x = numbers[i];
  if (Object.is(x, 0)) {
    let end = i + 1;
    while (end < to && Object.is(numbers[end], 0)) end++;
    out.byte(ZEROS).varint(end - i);
    return end;
  }
  if (Number.isSafeInteger(x) && x > 0) out.byte(WHOLE).varint(x);
  else out.byte(FLOAT).float64(x);
  return i + 1;
}

/** Puts an entity that was written into a store that does not have it. @throws GanglionError `undecodable` */
export function decodeEntity(store: EntityStore, key: string, bytes: Uint8Array): void {
  const input = new ByteReader(bytes, BYTES_MAX);
  if (input.byte() !== FORMAT) input.fail('not an entity of this version');
  const row = newRow(store, key);
  const { plan, numbers } = store;
  numbers[row * plan.width] = input.finite();
  for (let i = input.count(NUMBERS_MAX); i > 0; i--) {
    const mark = [input.varint(), input.varint()];
    const read = readNumbers(input);
    const kind = input.byte();
    const other = kind === TEXT ? input.text(BYTES_MAX) : kind === BYTES ? input.bytes(BYTES_MAX) : undefined;
    const column = plan.columns.find((each) => each.mark[0] === mark[0] && each.mark[1] === mark[1]);
    if (column === undefined || read.length !== TIMES + column.feature.numbers) continue;
    const cell = cellOf(store, row, column);
    numbers.set(read, cell.at - TIMES);
    if (column.feature.others > 0) store.others[cell.other] = other;
  }
  input.end();
}

function readNumbers(input: ByteReader): number[] {
  const count = input.varint(NUMBERS_MAX);
  const read: number[] = [];
  while (read.length < count) {
    const kind = input.byte();
    if (kind === ZEROS) for (let n = input.varint(count - read.length); n > 0; n--) read.push(0);
    else if (kind === WHOLE) read.push(input.varint());
    else if (kind === FLOAT) read.push(input.finite());
    else input.fail('an unknown kind of number');
  }
  return read;
}
