/** Things in transit with one constant delay, so first in is first out: a growing ring of (due time, four numbers). */
export interface Line {
  /** When the first is due, in ms; Infinity when nothing is under way. */
  headMs(): number;
  first(): number;
  second(): number;
  third(): number;
  fourth(): number;
  push(dueMs: number, first: number, second?: number, third?: number, fourth?: number): void;
  shift(): void;
}

const FIELDS = 5;

/** An empty line. */
export function line(): Line {
  let slots = 1024;
  let ring = new Float64Array(slots * FIELDS);
  let head = 0;
  let size = 0;
  const field = (i: number): number => ring[head * FIELDS + i];
  const grow = (): void => {
    const bigger = new Float64Array(slots * 2 * FIELDS);
    bigger.set(ring.subarray(head * FIELDS));
    bigger.set(ring.subarray(0, head * FIELDS), (slots - head) * FIELDS);
    ring = bigger;
    slots *= 2;
    head = 0;
  };
  return {
    headMs: () => (size === 0 ? Infinity : ring[head * FIELDS]),
    first: () => field(1),
    second: () => field(2),
    third: () => field(3),
    fourth: () => field(4),
    push(dueMs, first, second = 0, third = 0, fourth = 0) {
      if (size === slots) grow();
      const at = ((head + size++) & (slots - 1)) * FIELDS;
      ring[at] = dueMs;
      ring[at + 1] = first;
      ring[at + 2] = second;
      ring[at + 3] = third;
      ring[at + 4] = fourth;
    },
    shift() {
      head = (head + 1) & (slots - 1);
      size--;
    },
  };
}
