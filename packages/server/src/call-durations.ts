import type { Histogram, Registry } from 'prom-client';

/** What counts the durations of calls. */
export interface CallDurations {
  /** `route` is the template. On the hot path: two additions, where prom-client's own would hash the labels every time. */
  observe(method: string, route: string, status: number, seconds: number): void;
}

const NAME = 'ganglion_http_request_duration_seconds';
const HELP = 'From the head of a request to the end of its answer.';
/** Upper bounds, seconds. */
const BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Calls of one method, route and status. */
interface Row {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** By bucket, not yet added up; the last is beyond every bound. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * The histogram `ganglion_http_request_duration_seconds`: counted in plain numbers, and put in Prometheus' shape when
 * somebody asks. Rows are bounded by the templates there are.
 */
export function callDurations(registry: Registry): CallDurations {
  const rows = new Map<string, Row>();
  let last: Row | undefined;
  const rowOf = (method: string, route: string, status: number): Row => {
    // Most calls follow one of their kind.
    if (last !== undefined && last.status === status && last.route === route && last.method === method)
      return last;
    const key = `${method} ${status} ${route}`;
    last = rows.get(key);
    if (last === undefined) {
      last = { method, route, status, counts: new Float64Array(BOUNDS_S.length + 1), sum: 0 };
      rows.set(key, last);
    }
    return last;
  };
  const metric = {
    name: NAME,
    help: HELP,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({
      name: NAME,
      help: HELP,
      type: 'histogram',
      aggregator: 'sum',
      values: [...rows.values()].flatMap(samplesOf),
    }),
    reset: () => rows.clear(),
  };
  // A registry asks nothing of a metric but these; its type wants the whole class.
  registry.registerMetric(metric as unknown as Histogram);
  return {
    observe(method, route, status, seconds) {
      const row = rowOf(method, route, status);
      let bucket = 0;
      while (bucket < BOUNDS_S.length && seconds > BOUNDS_S[bucket]) bucket++;
      row.counts[bucket]++;
      row.sum += seconds;
    },
  };
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Buckets of Prometheus hold what is in those before them too. */
function samplesOf({ method, route, status, counts, sum }: Row): Sample[] {
  const labels = { method, route, status };
  let count = 0;
  const samples = [...counts].map((value, i): Sample => {
    count += value;
    return {
      metricName: `${NAME}_bucket`,
      labels: { le: i < BOUNDS_S.length ? BOUNDS_S[i] : '+Inf', ...labels },
      value: count,
    };
  });
  samples.push({ metricName: `${NAME}_sum`, labels, value: sum });
  samples.push({ metricName: `${NAME}_count`, labels, value: count });
  return samples;
}
