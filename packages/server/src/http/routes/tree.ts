import { GanglionError, type NodeEvent } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { EVENT_KINDS } from '../events.ts';
import { COUNT_PATTERN } from '../patterns.ts';
import { clientOf } from '../stream-places.ts';
import { answers, NODE_QUERY } from './route.ts';

const QUERY = { type: 'object', properties: NODE_QUERY } as const;
const LIST = { type: 'array', items: { type: 'object', additionalProperties: true } } as const;
const AUDIT = { default: 100, most: 1_000 } as const;

/** The tree as it stands, who did what, and both live. */
export function treeRoutes(app: FastifyInstance, api: Api): void {
  app.get('/v1/nodes', {
    config: { access: 'read' },
    schema: {
      operationId: 'nodes',
      tags: ['tree'],
      summary: 'This node and everything below it',
      querystring: QUERY,
      response: answers('The nodes, the root-most first.', LIST),
    },
    handler: async (request) => pickNode(api, request.query).nodes(),
  });
  app.get<{ Querystring: { limit?: string } }>('/v1/audit', {
    config: { access: 'read' },
    schema: {
      operationId: 'audit',
      tags: ['tree'],
      summary: 'Who did what',
      querystring: {
        type: 'object',
        properties: {
          ...NODE_QUERY,
          limit: {
            type: 'string',
            pattern: COUNT_PATTERN.source,
            description: `1 to ${AUDIT.most}; default ${AUDIT.default}.`,
          },
        },
      },
      response: answers('Audit entries.', LIST),
    },
    handler: async (request) => {
      const limit = Number(request.query.limit ?? AUDIT.default);
      return pickNode(api, request.query).audit(Math.min(AUDIT.most, Math.max(1, limit)));
    },
  });
  app.get<{ Querystring: { kinds?: string; point?: string } }>('/v1/events', {
    // A HEAD of it would hold a place among the readers for nothing.
    exposeHeadRoute: false,
    config: { access: 'read' },
    schema: {
      operationId: 'events',
      tags: ['tree'],
      summary: 'Server-sent events: what happens from now on',
      description:
        'Decisions and outcomes are samples, at most 20 of each a second. `event: lost` tells a slow reader what it missed.',
      querystring: {
        type: 'object',
        properties: {
          ...NODE_QUERY,
          kinds: { type: 'string', description: `Comma-separated, of: ${EVENT_KINDS.join(', ')}.` },
          point: { type: 'string', maxLength: 128 },
        },
      },
      response: {
        200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        default: answers('').default,
      },
    },
    handler: (request, reply) => {
      const hub = api.hubs.get(pickNode(api, request.query).name)!;
      const filter = { kinds: kindsOf(request.query.kinds), point: request.query.point };
      const { ip, principal, raw } = request;
      // Without tokens a name is what the caller says of himself: by as many names he would be as many clients.
      const placed = { client: clientOf(ip, api.gate.asks ? principal.name : ''), socket: raw.socket };
      hub.check(placed);
      reply.hijack();
      hub.attach(reply.raw, filter, placed);
    },
  });
}

function kindsOf(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const kinds = text.split(',');
  const unknown = kinds.find((kind) => !EVENT_KINDS.includes(kind as NodeEvent['kind']));
  if (unknown !== undefined)
    throw new GanglionError('invalid_input', 'There is no such kind of event', {
      field: 'kinds',
      value: unknown,
      mend: `Use ${EVENT_KINDS.join(', ')}.`,
    });
  return new Set(kinds);
}
