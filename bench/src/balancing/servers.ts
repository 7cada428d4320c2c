/**
 * A pool of processor-sharing servers in virtual time. A server with `n` requests and `cores` cores gives each
 * of them min(1, cores / n) of a core, so one number per server, the work V that each request present has got
 * since the start, moves at that rate, and a request that arrives at V with work w leaves when V reaches V + w.
 * Every arrival, departure or change of capacity is then O(log n), however many requests share the server.
 */
export interface ServerPool {
  /** Cores a server has now. */
  readonly cores: Float64Array;
  /** Requests present at a server now. */
  readonly present: Int32Array;
  /** The earliest departure in the pool, in ms; Infinity when all are idle. */
  nextDepartureMs(): number;
  /** Takes the earliest departure out; returns the request. `departed` holds its server. */
  depart(): number;
  /** The server of the request that `depart` returned last. */
  departed(): number;
  arrive(server: number, request: number, workMs: number, nowMs: number): void;
  /** Takes a request out before it is done. `isLive` of it must be false from before this call. */
  cancel(server: number, nowMs: number): void;
  resize(server: number, cores: number, nowMs: number): void;
}

interface Shelf {
  due: Float64Array;
  request: Float64Array;
  size: number;
}

/**
 * Makes a pool of idle servers.
 * @param count servers in the pool
 * @param isLive whether a request is still wanted: cancelled ones stay in the heap until they surface
 */
export function serverPool(count: number, isLive: (request: number) => boolean): ServerPool {
  const cores = new Float64Array(count).fill(1);
  const present = new Int32Array(count);
  const served = new Float64Array(count);
  const updatedMs = new Float64Array(count);
  const shelves = Array.from({ length: count }, (): Shelf => emptyShelf(256));
  const agenda = departureAgenda(count);
  let lastServer = -1;

  const rate = (s: number): number => (present[s] <= cores[s] ? 1 : cores[s] / present[s]);
  const advance = (s: number, nowMs: number): void => {
    if (present[s] > 0) served[s] += (nowMs - updatedMs[s]) * rate(s);
    updatedMs[s] = nowMs;
  };
  const reschedule = (s: number): void => {
    const shelf = shelves[s];
    while (shelf.size > 0 && !isLive(shelf.request[0])) pop(shelf);
    const left = shelf.size === 0 ? Infinity : Math.max(0, shelf.due[0] - served[s]);
    agenda.set(s, updatedMs[s] + left / rate(s));
  };
  return {
    cores,
    present,
    nextDepartureMs: () => agenda.earliestMs(),
    departed: () => lastServer,
    depart() {
      const s = agenda.earliest();
      advance(s, agenda.earliestMs());
      const request = shelves[s].request[0];
      pop(shelves[s]);
      present[s]--;
      reschedule(s);
      lastServer = s;
      return request;
    },
    arrive(s, request, workMs, nowMs) {
      advance(s, nowMs);
      present[s]++;
      push(shelves[s], served[s] + workMs, request);
      reschedule(s);
    },
    cancel(s, nowMs) {
      advance(s, nowMs);
      present[s]--;
      reschedule(s);
    },
    resize(s, size, nowMs) {
      advance(s, nowMs);
      cores[s] = size;
      reschedule(s);
    },
  };
}

const emptyShelf = (capacity: number): Shelf => ({
  due: new Float64Array(capacity),
  request: new Float64Array(capacity),
  size: 0,
});

function push(shelf: Shelf, due: number, request: number): void {
  if (shelf.size === shelf.due.length) grow(shelf);
  let i = shelf.size++;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (shelf.due[parent] <= due) break;
    shelf.due[i] = shelf.due[parent];
    shelf.request[i] = shelf.request[parent];
    i = parent;
  }
  shelf.due[i] = due;
  shelf.request[i] = request;
}

function pop(shelf: Shelf): void {
  const size = --shelf.size;
  const due = shelf.due[size];
  const request = shelf.request[size];
  let i = 0;
  for (let child = 1; child < size; child = 2 * i + 1) {
    if (child + 1 < size && shelf.due[child + 1] < shelf.due[child]) child++;
    if (shelf.due[child] >= due) break;
    shelf.due[i] = shelf.due[child];
    shelf.request[i] = shelf.request[child];
    i = child;
  }
  shelf.due[i] = due;
  shelf.request[i] = request;
}

function grow(shelf: Shelf): void {
  const bigger = emptyShelf(shelf.due.length * 2);
  bigger.due.set(shelf.due);
  bigger.request.set(shelf.request);
  shelf.due = bigger.due;
  shelf.request = bigger.request;
}

/** A tournament tree over the servers: the next departure of each, and the earliest of all at the top. */
function departureAgenda(count: number) {
  let leaves = 1;
  while (leaves < count) leaves *= 2;
  const atMs = new Float64Array(leaves).fill(Infinity);
  const winner = new Int32Array(2 * leaves);
  for (let i = 0; i < leaves; i++) winner[leaves + i] = i;
  for (let i = leaves - 1; i > 0; i--) winner[i] = winner[2 * i];
  return {
    earliest: (): number => winner[1],
    earliestMs: (): number => atMs[winner[1]],
    set(server: number, ms: number): void {
      atMs[server] = ms;
      for (let i = (leaves + server) >> 1; i > 0; i >>= 1) {
        const left = winner[2 * i];
        const right = winner[2 * i + 1];
        winner[i] = atMs[right] < atMs[left] ? right : left;
      }
    },
  };
}
