import type { GanglionNode } from '@ganglion/core';
import { GanglionError } from '@ganglion/core';
import type { Evaluator } from '../evaluation/evaluator.ts';
import type { ArtifactStore } from '../host/artifact-store.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { PointHistory } from '../point-history.ts';
import type { Trainer } from '../training/trainer.ts';
import type { Access, Caller, Gate, Principal } from './auth.ts';
import type { DecisionWriter } from './decision-json.ts';
import type { EventHub } from './events.ts';
import type { HttpLimits } from './limits.ts';
import type { RateLimiter } from './rate.ts';

/** What every route works with. */
export interface Api {
  /** The node that answers where a call names none: the root-most of those in this process. */
  readonly node: GanglionNode;
  /** All nodes of this process, by name; `?node=NAME` asks another than the first. */
  readonly nodes: ReadonlyMap<string, GanglionNode>;
  readonly gate: Gate;
  readonly limits: HttpLimits;
  readonly calls: RateLimiter;
  readonly actions: RateLimiter;
  readonly metrics: Metrics;
  /** Of the points of `node`. */
  readonly history: PointHistory;
  readonly writer: DecisionWriter;
  readonly hubs: ReadonlyMap<string, EventHub>;
  readonly artifacts: ArtifactStore | undefined;
  readonly evaluator: Evaluator;
  readonly trainer: Trainer | undefined;
  readonly log: Logger;
  /** Whether a call that failed on the disk, by its code, is a line: all fail while it does. How often since the last one. */
  readonly diskFailures: (code: string) => number | undefined;
  readonly version: string;
}

/** The checks before anything of a request is read: who it is, what they may do, and how often. */
export function admit(api: Api, caller: Caller, access: Access): Principal {
  const address = caller.remoteAddress ?? '';
  if (access === 'control') api.actions.take(address);
  else api.calls.take(address);
  return api.gate.admit(caller, access);
}

/** @throws GanglionError `unknown_node` */
export function pickNode(api: Api, query: unknown): GanglionNode {
  const name = (query as { node?: unknown } | undefined)?.node;
  if (name === undefined) return api.node;
  const found = typeof name === 'string' ? api.nodes.get(name) : undefined;
  if (found === undefined)
    throw new GanglionError('unknown_node', 'This process has no such node', {
      field: 'node',
      value: name,
      mend: `Use one of: ${[...api.nodes.keys()].join(', ')}.`,
    });
  return found;
}
