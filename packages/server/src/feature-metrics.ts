import type { GanglionNode } from '@ganglion/core';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Domains and kinds of entities are declared, never sent; the bound is for nodes with very many. */
const MOST = 200;

/** What the nodes of this process keep for features: read when scraped. */
export function featureMetrics(registry: Registry, nodes: readonly GanglionNode[]): void {
  new Counter({
    name: 'ganglion_ingest_events_total',
    help: 'Events for features since the node started, by what became of them.',
    labelNames: ['node', 'domain', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const node of nodes)
        for (const { domain, ...counts } of node.entities().events.slice(0, MOST))
          for (const [status, n] of Object.entries(counts)) this.inc({ node: node.name, domain, status }, n);
    },
  });
  const stores = (visit: (labels: Record<string, string>, store: Store) => void): void => {
    for (const node of nodes)
      for (const store of node.entities().stores.slice(0, MOST))
        visit({ node: node.name, domain: store.domain, entity: store.entity }, store);
  };
  const labelNames = ['node', 'domain', 'entity'];
  for (const [name, help, value] of GAUGES)
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        stores((labels, store) => this.set(labels, value(store)));
      },
    });
  new Counter({
    name: 'ganglion_feature_entities_dropped_total',
    help: 'Entities forgotten since the node started: evicted beyond maxEntities, or expired by ttl.',
    labelNames: [...labelNames, 'why'],
    registers: [registry],
    collect() {
      this.reset();
      stores((labels, { evicted, expired }) => {
        this.inc({ ...labels, why: 'evicted' }, evicted);
        this.inc({ ...labels, why: 'expired' }, expired);
      });
    },
  });
}

type Store = ReturnType<GanglionNode['entities']>['stores'][number];

const GAUGES: readonly (readonly [name: string, help: string, value: (store: Store) => number])[] = [
  ['ganglion_feature_entities', 'Entities that the node remembers.', ({ entities }) => entities],
  ['ganglion_feature_entities_max', 'Entities that it may remember.', ({ maxEntities }) => maxEntities],
];
