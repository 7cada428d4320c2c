/** A virtual clock with a heap of what happens when. Events at one instant run in the order they were scheduled. */
export interface Timeline {
  /** True time, ms since the run began. */
  nowMs: number;
  /** Events run so far. */
  steps: number;
  after(delayMs: number, run: () => void): void;
  /** Runs the next event and returns true, or returns false where there is none up to `untilMs`. */
  step(untilMs: number): boolean;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export function timeline(): Timeline {
  const heap: Entry[] = [];
  let order = 0;
  const before = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  function push(entry: Entry): void {
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  function pop(): Entry {
    const top = heap[0];
    const last = heap.pop() as Entry;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return top;
  }

  const line: Timeline = {
    nowMs: 0,
    steps: 0,
    after(delayMs, run) {
      push({ atMs: line.nowMs + Math.max(0, delayMs), order: order++, run });
    },
    step(untilMs) {
      if (heap.length === 0 || heap[0].atMs > untilMs) {
        line.nowMs = untilMs;
        return false;
      }
      const { atMs, run } = pop();
      line.nowMs = atMs;
      line.steps++;
      run();
      return true;
    },
  };
  return line;
}
