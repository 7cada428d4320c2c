/** Where a request is. Cancelled and ended ones are `over`. */
export const unsent = 0;
export const travelling = 1;
export const serving = 2;
export const answered = 3;
export const over = 4;

const SLOTS = 1 << 18;

/**
 * Requests under way, numbered in the order of sending; a number's slot is reused once it is `SLOTS` numbers old. As
 * delay and deadline are the same for all, the order of sending is also that of arriving and of expiring.
 */
export interface Requests {
  readonly client: Int32Array;
  readonly server: Int32Array;
  readonly sentMs: Float64Array;
  readonly workMs: Float64Array;
  /** Requests it found at its server. */
  readonly found: Int32Array;
  /** Requests it left there. */
  readonly left: Int32Array;
  readonly state: Uint8Array;
  readonly number: Float64Array;
}

/** No request yet. */
export const requests = (): Requests => ({
  client: new Int32Array(SLOTS),
  server: new Int32Array(SLOTS),
  sentMs: new Float64Array(SLOTS),
  workMs: new Float64Array(SLOTS),
  found: new Int32Array(SLOTS),
  left: new Int32Array(SLOTS),
  state: new Uint8Array(SLOTS),
  number: new Float64Array(SLOTS).fill(-1),
});

/** The slot of a request. */
export const slotOf = (number: number): number => number % SLOTS;

/** Whether the request is at this stage now; false once its slot is another's. */
export const isAt = (all: Requests, number: number, stage: number): boolean =>
  all.number[slotOf(number)] === number && all.state[slotOf(number)] === stage;

/** Takes the slot of the next number. Throws when more are under way than there are slots. */
export function open(all: Requests, number: number): number {
  const slot = slotOf(number);
  if (all.state[slot] !== unsent && all.state[slot] !== over)
    throw new Error(`over ${SLOTS} requests under way`);
  all.number[slot] = number;
  all.state[slot] = travelling;
  return slot;
}
