import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { takeEvents } from '../ingest.ts';
import { answers, BY_HAND, NODE_QUERY } from './route.ts';

/** Events in, and what they have made known of an entity. */
export function featureRoutes(app: FastifyInstance, api: Api): void {
  app.route({
    method: 'POST',
    url: '/v1/ingest',
    config: { access: 'data', bulk: true, events: true },
    bodyLimit: api.limits.bulkBytes,
    ...BY_HAND,
    schema: {
      operationId: 'ingest',
      tags: ['features'],
      summary: 'Events for features: one, or a list',
      description:
        'JSON, or CloudEvents 1.0 structured (application/cloudevents+json) or batched (application/cloudevents-batch+json). Answered once durable; an id counts once. Items are judged one by one: some refused, they are listed; all refused, a problem document.',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'IngestRequest#' },
      response: answers('Taken and durable.', 'IngestAnswer', 202),
    },
    handler: async (request, reply) => {
      const taken = await takeEvents(pickNode(api, request.query), request.body, api.limits);
      return reply.code(202).header('cache-control', 'no-store').send(taken);
    },
  });
  app.get<{ Params: { namespace: string; entity: string } }>('/v1/features/:namespace/:entity', {
    config: { access: 'read' },
    schema: {
      operationId: 'features',
      tags: ['features'],
      summary: 'What a node knows of an entity now',
      description:
        'The namespace is a domain, the entity KIND:KEY. Of the answering node alone: features are not shared over the tree.',
      querystring: { type: 'object', properties: NODE_QUERY },
      response: answers('Its features; those not known are null.', 'EntityView'),
    },
    handler: async (request) => {
      const { namespace, entity } = request.params;
      return pickNode(api, request.query).entity(namespace, entity);
    },
  });
}
