import { Counter, Gauge, type Registry } from 'prom-client';
import type { PointChooser } from './point-chooser.ts';
import type { ReverseProxy } from './proxy.ts';

/** A proxy whose counters a server shows among its metrics. */
export interface ObservedProxy {
  /** Bounded and stable: the node it decides on, say. */
  readonly name: string;
  readonly stats: ReverseProxy['stats'];
  readonly outcomes?: PointChooser['outcomes'] | undefined;
  readonly choices?: PointChooser['choices'] | undefined;
}

/** Read when scraped. @param proxies - called at every scrape, for proxies come up after the server */
export function proxyMetrics(registry: Registry, proxies: () => readonly ObservedProxy[]): void {
  const families = familiesIn(registry, proxies);
  countTraffic(families);
  countLearning(families);
}

interface Families {
  counter(
    name: string,
    help: string,
    labels: readonly string[],
    read: (proxy: ObservedProxy, count: (value: number, ...labels: string[]) => void) => void,
  ): void;
  gauge(name: string, help: string, read: (proxy: ObservedProxy) => number): void;
}

function familiesIn(registry: Registry, proxies: () => readonly ObservedProxy[]): Families {
  return {
    counter(name, help, labels, read) {
      new Counter({
        name: `ganglion_proxy_${name}_total`,
        help,
        labelNames: ['proxy', ...labels],
        registers: [registry],
        collect() {
          this.reset();
          for (const proxy of proxies())
            read(proxy, (value, ...values) =>
              this.inc(
                { proxy: proxy.name, ...Object.fromEntries(labels.map((label, i) => [label, values[i]])) },
                value,
              ),
            );
        },
      });
    },
    gauge(name, help, read) {
      new Gauge({
        name: `ganglion_proxy_${name}`,
        help,
        labelNames: ['proxy'],
        registers: [registry],
        collect() {
          this.reset();
          for (const proxy of proxies()) this.set({ proxy: proxy.name }, read(proxy));
        },
      });
    },
  };
}

/** What it does with requests. */
function countTraffic({ counter, gauge }: Families): void {
  counter('requests', 'Requests taken by the proxy.', [], ({ stats }, count) => count(stats.requests));
  counter('responses', 'Answers, by class of status.', ['class'], ({ stats }, count) => {
    for (let hundreds = 1; hundreds < stats.responses.length; hundreds++)
      count(stats.responses[hundreds], `${hundreds}xx`);
  });
  counter(
    'cut_responses',
    'Responses that a backend broke off after their head; they count in responses as well.',
    [],
    ({ stats }, count) => count(stats.cutResponses),
  );
  counter('retries', 'Attempts on another backend.', [], ({ stats }, count) => count(stats.retries));
  counter('refusals', 'Requests not served, and retries not made, by reason.', ['reason'], (proxy, count) => {
    const { stats } = proxy;
    count(stats.malformed, 'malformed');
    count(stats.shed, 'no_room');
    count(stats.retriesRefused, 'retry_budget');
  });
  counter('client_faults', 'Clients that went away or stalled.', ['fault'], ({ stats }, count) => {
    count(stats.clientAborts, 'gone');
    count(stats.clientStalls, 'stalled');
  });
  counter('tunnels', 'Connections upgraded to a tunnel.', [], ({ stats }, count) => count(stats.tunnels));
  gauge('requests_waiting', 'Pipelined requests that wait for their turn.', ({ stats }) => stats.waiting);
  gauge('requests_in_flight', 'Requests in flight, tunnels included.', ({ stats }) => stats.inFlight);
}

/** What it learns from. */
function countLearning({ counter, gauge }: Families): void {
  counter(
    'outcomes',
    'What became of the outcomes of requests; lost ones teach nothing.',
    ['status'],
    ({ outcomes }, count) => {
      for (const [status, value] of Object.entries(outcomes?.counts ?? {})) count(value, status);
    },
  );
  counter(
    'no_backend',
    'Decisions for an arm of the point that no backend is given for here; another arm was taken.',
    [],
    ({ choices }, count) => count(choices?.noBackend ?? 0),
  );
  counter(
    'abandoned',
    'Clients that went away before the response head, by arm, and whether its backend was charged with a failure.',
    ['arm', 'charged'],
    ({ choices }, count) => {
      for (const [arm, { charged, uncharged }] of choices?.abandoned ?? []) {
        count(charged, arm, 'yes');
        count(uncharged, arm, 'no');
      }
    },
  );
  gauge('outcomes_waiting', 'Outcomes not yet durable.', ({ outcomes }) => outcomes?.waiting() ?? 0);
}
