import type { Row } from './balancer.ts';
import { simulate } from './engine.ts';
import { quantile } from './latencies.ts';
import { linkerdClients, linkerdPause, loads, noisyNeighbours } from './scenarios.ts';

/** How much to run. Times in ms of simulated time; `seeds` are the seeds reported. */
export interface Plan {
  readonly seeds: readonly number[];
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Median and worst over the seeds. */
export interface Spread {
  readonly median: number;
  readonly worst: number;
}

/** One cell: a row at a load. Latencies in ms, errors as a share of requests. */
export interface Cell {
  readonly load: number;
  readonly p99: Spread;
  readonly p999: Spread;
  readonly errors: Spread;
}

/** One row's figures. */
export interface RowFigures {
  readonly name: string;
  readonly about: string;
  readonly loads: readonly Cell[];
  /** Share of requests that came back within 1 s in Linkerd's test, for each of `linkerdClients`. */
  readonly linkerd: readonly Spread[];
}

/** Runs one row through every load and Linkerd's test. */
export function measure(row: Row, plan: Plan): RowFigures {
  const success = (clients: number): Spread =>
    spread(
      plan.seeds.map((seed) => simulate(row, linkerdPause(clients), seed)).map((s) => 1 - s.errors / s.total),
      Math.min,
    );
  return {
    name: row.name,
    about: row.about,
    loads: loads.map((load) => cell(row, load, plan)),
    linkerd: linkerdClients.map(success),
  };
}

function cell(row: Row, load: number, { seeds, measureMs, warmUpMs }: Plan): Cell {
  const seen = seeds.map((seed) => simulate(row, noisyNeighbours(load, measureMs, warmUpMs), seed));
  return {
    load,
    p99: spread(seen.map((s) => quantile(s, 0.99))),
    p999: spread(seen.map((s) => quantile(s, 0.999))),
    errors: spread(seen.map((s) => s.errors / s.total)),
  };
}

function spread(values: readonly number[], worst: (...v: number[]) => number = Math.max): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, worst: worst(...values) };
}
