/**
 * Sums over a sliding time window, as plain data: each row keeps its last `slots` slots of `slotMs` milliseconds.
 * No timer ever runs: a row is brought up to date when it is next read or written. A row's total covers between
 * `(slots − 1) × slotMs` and `slots × slotMs`, because the newest slot is only partly over; whoever must never
 * forget too early takes one slot more than the window has.
 */
export interface Ring {
  readonly slots: number;
  readonly slotMs: number;
  /** Number of the newest slot of each row, `floor(ms / slotMs)`. */
  epochs: Float64Array;
  /** Row by row; slot `s` is kept at `s mod slots`. */
  sums: Float64Array;
  totals: Float64Array;
}

/** Empty rows. */
export function ring(rows: number, slots: number, slotMs: number): Ring {
  return {
    slots,
    slotMs,
    epochs: new Float64Array(rows).fill(Number.NEGATIVE_INFINITY),
    sums: new Float64Array(rows * slots),
    totals: new Float64Array(rows),
  };
}

/** The slot that a time falls into. */
export function slotAt(r: Ring, ms: number): number {
  return Math.floor(ms / r.slotMs);
}

/** Total of a row in the window that ends with `slot`. Forgets what has left it. */
export function totalAt(r: Ring, row: number, slot: number): number {
  if (slot > r.epochs[row]) advance(r, row, slot);
  return r.totals[row];
}

/** Adds to the newest slot of a row. */
export function addAt(r: Ring, row: number, slot: number, amount: number): void {
  if (slot > r.epochs[row]) advance(r, row, slot);
  r.sums[row * r.slots + place(r, r.epochs[row])] += amount;
  r.totals[row] += amount;
}

/** Takes back what was added in `slot`, where the window still holds it; never below zero. */
export function takeBack(r: Ring, row: number, slot: number, amount: number): void {
  if (!holds(r, row, slot)) return;
  const at = row * r.slots + place(r, slot);
  r.sums[at] = Math.max(0, r.sums[at] - amount);
  retotal(r, row);
}

/** Whether the window of a row still holds this slot. */
function holds(r: Ring, row: number, slot: number): boolean {
  return slot <= r.epochs[row] && slot > r.epochs[row] - r.slots;
}

/** Forgets a row. */
export function clearRow(r: Ring, row: number): void {
  r.epochs[row] = Number.NEGATIVE_INFINITY;
  r.sums.fill(0, row * r.slots, (row + 1) * r.slots);
  r.totals[row] = 0;
}

/** Copies a row to a ring of the same slots. */
export function copyRow(from: Ring, row: number, to: Ring, at: number): void {
  to.epochs[at] = from.epochs[row];
  to.totals[at] = from.totals[row];
  to.sums.set(from.sums.subarray(row * from.slots, (row + 1) * from.slots), at * to.slots);
}

/** The same rows with room for more. */
export function growRing(r: Ring, rows: number): void {
  const grown = ring(rows, r.slots, r.slotMs);
  grown.epochs.set(r.epochs);
  grown.sums.set(r.sums);
  grown.totals.set(r.totals);
  r.epochs = grown.epochs;
  r.sums = grown.sums;
  r.totals = grown.totals;
}

/** Moves every row in time by whole slots: after a restart the monotonic clock may have begun anew. */
export function shiftRing(r: Ring, bySlots: number): void {
  const old = r.sums.slice();
  for (let row = 0; row < r.epochs.length; row++) {
    const epoch = r.epochs[row];
    if (epoch === Number.NEGATIVE_INFINITY) continue;
    for (let age = 0; age < r.slots; age++)
      r.sums[row * r.slots + place(r, epoch + bySlots - age)] = old[row * r.slots + place(r, epoch - age)];
    r.epochs[row] = epoch + bySlots;
  }
}

/**
 * A row as JSON, after what `out` holds already: its newest slot's number, then its sums from the newest back; null where
 * it is empty. Tens of thousands of rows are saved at a time, while nothing else runs: one division a row.
 */
export function rowToJson(r: Ring, row: number, out: number[] = []): number[] | null {
  if (r.totals[row] === 0) return null;
  const { slots, sums } = r;
  const from = row * slots;
  const newest = place(r, r.epochs[row]);
  let ages = slots;
  while (ages > 0 && sums[from + back(newest, ages - 1, slots)] === 0) ages--;
  out.push(r.epochs[row]);
  for (let age = 0; age < ages; age++) out.push(sums[from + back(newest, age, slots)]);
  return out;
}

/** The place `age` slots before another. */
const back = (place: number, age: number, slots: number): number =>
  age > place ? place - age + slots : place - age;

/** Puts a row back that `rowToJson` wrote. */
export function rowFromJson(r: Ring, row: number, json: readonly number[]): void {
  r.epochs[row] = json[0];
  for (let age = 0; age + 1 < json.length; age++)
    r.sums[row * r.slots + place(r, json[0] - age)] = json[age + 1];
  retotal(r, row);
}

function place(r: Ring, slot: number): number {
  const at = slot % r.slots;
  return at < 0 ? at + r.slots : at;
}

/** Totals are summed anew whenever the window moves, so that rounding never piles up. */
function advance(r: Ring, row: number, slot: number): void {
  const passed = slot - r.epochs[row];
  if (passed >= r.slots) r.sums.fill(0, row * r.slots, (row + 1) * r.slots);
  else {
    const newest = place(r, slot);
    for (let i = 0; i < passed; i++) r.sums[row * r.slots + back(newest, i, r.slots)] = 0;
  }
  r.epochs[row] = slot;
  retotal(r, row);
}

function retotal(r: Ring, row: number): void {
  let total = 0;
  for (let i = row * r.slots; i < (row + 1) * r.slots; i++) total += r.sums[i];
  r.totals[row] = total;
}
