/**
 * A Markov decision process with few states, sparse: by state and arm (row `state · arms + arm`), what is earned on the way
 * and where it leads. Probabilities have the discount in them, so a row may sum to less than 1: the rest ends.
 */
export interface DecisionProcess {
  readonly states: number;
  readonly arms: number;
  /** Expected gain of each row. */
  readonly gain: Float64Array;
  /** The successors of row i are `next[start[i] … start[i + 1])`, with discounted probabilities `p`. */
  readonly start: Int32Array;
  readonly next: Int32Array;
  readonly p: Float64Array;
}

/** How long to go on: at most so many sweeps (steps that are looked ahead), or until no value moves by more than this. */
export interface Sweeps {
  readonly most: number;
  readonly tolerance: number;
}

/**
 * Q of the best there is, by value iteration (Bellman 1957): after k sweeps from zero, exactly what k steps can earn. So a
 * bound on the sweeps is a horizon, and nothing diverges even without a discount.
 */
export function bestValues(process: DecisionProcess, { most, tolerance }: Sweeps): Float64Array {
  const { states, arms } = process;
  const q = new Float64Array(states * arms);
  const v = new Float64Array(states);
  for (let sweep = 0; sweep < most; sweep++) {
    look(process, v, q);
    let moved = 0;
    for (let s = 0, row = 0; s < states; s++, row += arms) {
      let best = q[row];
      for (let a = 1; a < arms; a++) if (q[row + a] > best) best = q[row + a];
      moved = Math.max(moved, Math.abs(best - v[s]));
      v[s] = best;
    }
    if (moved <= tolerance) break;
  }
  return q;
}

/** Q of going by `policy` (a share for every row) after the first step. */
export function valuesOf(
  process: DecisionProcess,
  policy: Float64Array,
  { most, tolerance }: Sweeps,
): Float64Array {
  const { states, arms } = process;
  const q = new Float64Array(states * arms);
  const v = new Float64Array(states);
  for (let sweep = 0; sweep < most; sweep++) {
    look(process, v, q);
    let moved = 0;
    for (let s = 0, row = 0; s < states; s++, row += arms) {
      let value = 0;
      for (let a = 0; a < arms; a++) value += policy[row + a] * q[row + a];
      moved = Math.max(moved, Math.abs(value - v[s]));
      v[s] = value;
    }
    if (moved <= tolerance) break;
  }
  return q;
}

function look({ gain, start, next, p }: DecisionProcess, v: Float64Array, q: Float64Array): void {
  for (let row = 0; row < q.length; row++) {
    let sum = gain[row];
    for (let i = start[row]; i < start[row + 1]; i++) sum += p[i] * v[next[i]];
    q[row] = sum;
  }
}

/** The greedy policy of Q: the best arms of a state share it evenly. */
export function greedy(q: Float64Array, arms: number): Float64Array {
  const policy = new Float64Array(q.length);
  for (let row = 0; row < q.length; row += arms) {
    let best = q[row];
    for (let a = 1; a < arms; a++) if (q[row + a] > best) best = q[row + a];
    let ties = 0;
    for (let a = 0; a < arms; a++) if (q[row + a] === best) ties++;
    for (let a = 0; a < arms; a++) policy[row + a] = q[row + a] === best ? 1 / ties : 0;
  }
  return policy;
}

/** Builds a process row by row, in order. */
export interface ProcessBuilder {
  /** The next row: what it earns, and then its successors by `leads`. */
  row(gain: number): void;
  leads(next: number, p: number): void;
  finish(): DecisionProcess;
}

/** A process of this many states and arms, to be filled. */
export function processBuilder(states: number, arms: number): ProcessBuilder {
  const gain = new Float64Array(states * arms);
  const start = new Int32Array(states * arms + 1);
  const next: number[] = [];
  const p: number[] = [];
  let rows = 0;
  return {
    row: (earned) => {
      start[rows] = next.length;
      gain[rows++] = earned;
    },
    leads: (to, probability) => {
      next.push(to);
      p.push(probability);
    },
    finish: () => {
      start.fill(next.length, rows);
      return { states, arms, gain, start, next: Int32Array.from(next), p: Float64Array.from(p) };
    },
  };
}
