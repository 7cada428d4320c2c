import { GanglionError, PROTOCOL } from '@ganglion/core';
import type { HealthAnswer, ReadyAnswer } from '@ganglion/sdk';
import type { FastifyInstance } from 'fastify';
import type { Api } from '../api.ts';
import { answers, callerOf } from './route.ts';

/** For whoever runs the daemon: liveness, readiness, metrics, the description of it all. */
export function operationRoutes(app: FastifyInstance, api: Api): void {
  for (const route of [health, ready, metrics, openapi]) route(app, api);
}

function health(app: FastifyInstance, api: Api): void {
  app.get('/healthz', {
    config: { access: 'open' },
    schema: {
      operationId: 'health',
      tags: ['operations'],
      summary: 'Whether the process answers',
      response: answers('It does.'),
    },
    handler: async (request): Promise<HealthAnswer> => ({
      status: 'ok',
      version: api.version,
      node: api.node.name,
      nowMs: Date.now(),
      protocol: PROTOCOL,
      tokens: api.gate.asks,
      role: api.gate.roleOf(callerOf(request)),
    }),
  });
}

function ready(app: FastifyInstance, api: Api): void {
  app.get('/readyz', {
    config: { access: 'open' },
    schema: {
      operationId: 'ready',
      tags: ['operations'],
      summary: 'Whether it can take what it acknowledges',
      response: answers('It can.'),
    },
    handler: async (): Promise<ReadyAnswer> => {
      const own = [...api.nodes.values()].flatMap((node) =>
        node.nodes().filter(({ node: name }) => name === node.name),
      );
      const failing = own.find(({ storage }) => storage === 'failing');
      if (failing !== undefined)
        throw new GanglionError(
          'storage_failed',
          `The storage of ${failing.node} fails: ${failing.problems.join('; ')}`,
          { field: failing.node },
        );
      return {
        status: 'ready',
        nodes: own.map(({ node, tier, health, problems, storage }) => ({
          node,
          tier,
          health,
          problems,
          storage,
        })),
      };
    },
  });
}

function metrics(app: FastifyInstance, api: Api): void {
  app.get('/metrics', {
    config: { access: 'read' },
    schema: {
      operationId: 'metrics',
      tags: ['operations'],
      summary: 'Prometheus metrics',
      response: {
        200: {
          description: 'Text exposition format.',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
        default: answers('').default,
      },
    },
    handler: async (_request, reply) => reply.type(api.metrics.contentType).send(await api.metrics.render()),
  });
}

function openapi(app: FastifyInstance): void {
  app.get('/openapi.json', {
    config: { access: 'open' },
    schema: {
      operationId: 'openapi',
      tags: ['operations'],
      summary: 'This description',
      response: answers('OpenAPI 3.1.'),
    },
    handler: async () => app.swagger(),
  });
}
