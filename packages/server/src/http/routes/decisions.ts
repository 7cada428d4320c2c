import type { DecideInput } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { decideBody } from '../decide.ts';
import { counted, takeExposures, takeFeedback } from '../feedback.ts';
import { answers, BY_HAND, NODE_QUERY } from './route.ts';

/** Decide, feedback, exposures. The fast path answers the first two first; these answer what it leaves, alike. */
export function decisionRoutes(app: FastifyInstance, api: Api): void {
  for (const route of [decide, rank, feedback, exposures]) route(app, api);
}

function decide(app: FastifyInstance, api: Api): void {
  app.route<{ Params: { point: string } }>({
    method: 'POST',
    url: '/v1/points/:point/decide',
    config: { access: 'data', bulk: true },
    bodyLimit: api.limits.bulkBytes,
    ...BY_HAND,
    schema: {
      operationId: 'decide',
      tags: ['decisions'],
      summary: 'Decide: one, or a list',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'DecideRequest#' },
      response: answers('The decision, or one for each input, in order.', 'DecideAnswer'),
    },
    handler: async (request, reply) => {
      const { limits, writer, metrics } = api;
      const node = pickNode(api, request.query);
      const call = {
        node,
        point: request.params.point,
        body: request.body,
        limits,
        writer,
        made: metrics.made,
      };
      const body = await decideBody(call);
      return reply.header('cache-control', 'no-store').type('application/json').send(body);
    },
  });
}

function rank(app: FastifyInstance, api: Api): void {
  app.post<{ Params: { point: string }; Body: DecideInput & { k: number } }>('/v1/points/:point/rank', {
    config: { access: 'data' },
    schema: {
      operationId: 'rank',
      tags: ['decisions'],
      summary: 'Rank: a list of arms, for points with a slate',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'RankRequest#' },
      response: answers('The list; feedback goes to each item’s own id.', 'Slate'),
    },
    handler: async (request, reply) => {
      const { k, ...input } = request.body;
      const slate = pickNode(api, request.query).rank(request.params.point, k, input);
      return reply.header('cache-control', 'no-store').send(slate);
    },
  });
}

function feedback(app: FastifyInstance, api: Api): void {
  app.route({
    method: 'POST',
    url: '/v1/feedback',
    config: { access: 'data', bulk: true },
    bodyLimit: api.limits.bulkBytes,
    ...BY_HAND,
    schema: {
      operationId: 'feedback',
      tags: ['decisions'],
      summary: 'What came back for a decision: one, or a list',
      description:
        'Answered once durable. Items are judged one by one: some refused, they are listed; all refused, a problem document.',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'FeedbackRequest#' },
      response: answers('Taken and durable.', 'Intake', 202),
    },
    handler: async (request, reply) => {
      const taking = takeFeedback(pickNode(api, request.query), request.body, api.limits);
      const taken = await counted(taking, api.metrics);
      return reply.code(202).header('cache-control', 'no-store').send(taken);
    },
  });
}

function exposures(app: FastifyInstance, api: Api): void {
  app.route({
    method: 'POST',
    url: '/v1/exposures',
    config: { access: 'data', bulk: true },
    bodyLimit: api.limits.bulkBytes,
    ...BY_HAND,
    schema: {
      operationId: 'expose',
      tags: ['decisions'],
      summary: 'The application did apply the decision',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'ExposureRequest#' },
      response: answers('Taken and durable.', 'Intake', 202),
    },
    handler: async (request, reply) => {
      const taking = takeExposures(pickNode(api, request.query), request.body, api.limits);
      const taken = await counted(taking, api.metrics);
      return reply.code(202).header('cache-control', 'no-store').send(taken);
    },
  });
}
