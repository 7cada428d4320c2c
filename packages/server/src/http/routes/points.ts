import { GanglionError, type GanglionNode, type PointSpec } from '@ganglion/core';
import type { HistoryAnswer, ReportAnswer } from '@ganglion/sdk';
import type { FastifyInstance } from 'fastify';
import { ARMS, KEPT, POINTS, STEP_MS } from '../../point-history.ts';
import { type Api, pickNode } from '../api.ts';
import { actorOf } from '../auth.ts';
import { answers, BY_HAND, NODE_QUERY } from './route.ts';

interface PointRoute {
  Params: { point: string };
}

const ENTRIES = { type: 'array', items: { $ref: 'PointEntry#' } } as const;
const APPLIED = {
  type: 'object',
  required: ['point', 'version', 'changed'],
  properties: { point: { type: 'string' }, version: { type: 'integer' }, changed: { type: 'boolean' } },
} as const;

/** Decision points: list, read, declare, delete, report, reset. */
export function pointRoutes(app: FastifyInstance, api: Api): void {
  const routes = [points, onePoint, applyPoint, removePoint, report, history, reweigh, reset, thaw];
  for (const route of routes) route(app, api);
}

function points(app: FastifyInstance, api: Api): void {
  app.get('/v1/points', {
    config: { access: 'read' },
    schema: {
      operationId: 'points',
      tags: ['points'],
      summary: 'All decision points',
      querystring: query(),
      response: answers('All points.', ENTRIES),
    },
    handler: async (request) => pickNode(api, request.query).points(),
  });
}

function onePoint(app: FastifyInstance, api: Api): void {
  app.get<PointRoute>('/v1/points/:point', {
    config: { access: 'read' },
    schema: {
      operationId: 'point',
      tags: ['points'],
      summary: 'One decision point',
      querystring: query(),
      response: answers('The point.', 'PointEntry'),
    },
    handler: async (request) => existing(pickNode(api, request.query), request.params.point),
  });
}

function applyPoint(app: FastifyInstance, api: Api): void {
  app.put<PointRoute>('/v1/points/:point', {
    config: { access: 'control', yaml: true },
    // The compiled specification checks itself, and says far more than a schema could.
    ...BY_HAND,
    schema: {
      operationId: 'applyPoint',
      tags: ['points'],
      summary: 'Declare or replace a point',
      description: 'The declaration as JSON, or as YAML (content-type application/yaml).',
      consumes: ['application/json', 'application/yaml'],
      querystring: query(),
      body: { $ref: 'PointSpec#' },
      response: answers('Declared, durably.', APPLIED),
    },
    handler: async (request, reply) => {
      const node = pickNode(api, request.query);
      const { point } = request.params;
      const isNew = node.point(point) === undefined;
      const applied = await node.apply(specOf(request.body, point), actorOf(request.principal, node.name));
      return reply.code(isNew ? 201 : 200).send({ point, ...applied });
    },
  });
}

function removePoint(app: FastifyInstance, api: Api): void {
  app.delete<PointRoute>('/v1/points/:point', {
    config: { access: 'control' },
    schema: {
      operationId: 'removePoint',
      tags: ['points'],
      summary: 'Delete a point and what it learned',
      querystring: {
        type: 'object',
        properties: { ...NODE_QUERY, reason: { type: 'string', maxLength: 500 } },
      },
      response: { 204: { description: 'Deleted.', type: 'null' }, default: answers('').default },
    },
    handler: async (request, reply) => {
      const node = pickNode(api, request.query);
      const { reason } = request.query as { reason?: string };
      existing(node, request.params.point);
      await node.remove(request.params.point, actorOf(request.principal, node.name), reason ?? 'deleted');
      return reply.code(204).send();
    },
  });
}

function report(app: FastifyInstance, api: Api): void {
  // Counters are of this process; what was learned before is among the evidence.
  const startedMs = Date.now();
  app.get<PointRoute & { Querystring: { each?: 'no' } }>('/v1/points/:point/report', {
    config: { access: 'read' },
    schema: {
      operationId: 'report',
      tags: ['points'],
      summary: 'Traffic, reward, lift, allocation, guards',
      querystring: {
        type: 'object',
        properties: {
          ...NODE_QUERY,
          each: {
            type: 'string',
            enum: ['no'],
            description: '`no`: the whole alone, without each node’s own.',
          },
        },
      },
      response: answers(
        'The report of this node with everything below it, and that of each node, itself first.',
      ),
    },
    handler: async (request): Promise<ReportAnswer> => {
      const node = pickNode(api, request.query);
      const { point } = request.params;
      existing(node, point);
      const nodes = request.query.each === 'no' ? [] : node.reports(point);
      return { report: node.report(point), nodes, startedMs };
    },
  });
}

function history(app: FastifyInstance, api: Api): void {
  app.get<PointRoute>('/v1/points/:point/history', {
    config: { access: 'read' },
    schema: {
      operationId: 'history',
      tags: ['points'],
      summary: 'The last quarter of an hour: traffic, allocation, mode, loss',
      description: `A sample every ${STEP_MS / 1000} seconds, of a large tree less often, of what the report of the whole said, kept in memory alone: the last ${KEPT} of each of the first ${POINTS} points with at most ${ARMS} arms; of others there is none, nor of another node of this process. Counters start anew with the daemon.`,
      querystring: query(),
      response: answers('The samples, oldest first.', 'PointHistory'),
    },
    handler: async (request, reply) => {
      const { point } = request.params;
      const node = pickNode(api, request.query);
      existing(node, point);
      if (node === api.node) return reply.type('application/json').send(api.history.textOf(point));
      const none: HistoryAnswer = { ...api.history.of(point), arms: [], samples: [] };
      return reply.send(none);
    },
  });
}

interface WeightsRoute extends PointRoute {
  Body: { weights: Record<string, number>; reason: string };
}

function reweigh(app: FastifyInstance, api: Api): void {
  app.post<WeightsRoute>('/v1/points/:point/weights', {
    config: { access: 'control' },
    schema: {
      operationId: 'reweigh',
      tags: ['points'],
      summary: 'Set weights of a point’s objective',
      description:
        'In force at once, audited. What was learned is kept where every metric of the objective is declared with a range.',
      querystring: query(),
      body: { $ref: 'WeightsRequest#' },
      response: answers('Set, durably.', {
        ...APPLIED,
        required: [...APPLIED.required, 'forgets'],
        properties: { ...APPLIED.properties, forgets: { type: 'boolean' } },
      }),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      const { point } = request.params;
      const by = actorOf(request.principal, node.name);
      return { point, ...(await node.reweigh({ point, ...request.body, by })) };
    },
  });
}

function reset(app: FastifyInstance, api: Api): void {
  app.post<PointRoute & { Body: { reason: string } }>('/v1/points/:point/reset', {
    config: { access: 'control' },
    schema: {
      operationId: 'reset',
      tags: ['points'],
      summary: 'Forget what the point has learned, everywhere',
      querystring: query(),
      body: { $ref: 'ResetRequest#' },
      response: answers('Forgotten, durably.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      const { point } = request.params;
      existing(node, point);
      await node.reset({ point, reason: request.body.reason, by: actorOf(request.principal, node.name) });
      return { point };
    },
  });
}

function thaw(app: FastifyInstance, api: Api): void {
  app.post<PointRoute & { Body: { reason: string } }>('/v1/points/:point/thaw', {
    config: { access: 'control' },
    schema: {
      operationId: 'thaw',
      tags: ['points'],
      summary: 'Let frozen learners of the point learn again, here and below',
      querystring: query(),
      body: { $ref: 'ResetRequest#' },
      response: answers('Thawed, durably.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      const { point } = request.params;
      existing(node, point);
      await node.thaw({ point, reason: request.body.reason, by: actorOf(request.principal, node.name) });
      return { point };
    },
  });
}

/** The name may be left to the address; where both are given they must agree. */
function specOf(body: unknown, point: string): PointSpec {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new GanglionError('invalid_spec', 'The declaration must be an object', {
      field: 'body',
      value: body,
      mend: 'Send {"point": …, "arms": […], "fallback": …, "policy": {…}}.',
    });
  const declared = (body as { point?: unknown }).point;
  if (declared !== undefined && declared !== point)
    throw new GanglionError('invalid_spec', 'The declaration is of another point than the address', {
      field: 'point',
      value: declared,
      mend: `Send it to /v1/points/${typeof declared === 'string' ? encodeURIComponent(declared) : '{point}'}.`,
    });
  // The name first, wherever it was: the same declaration is then the same text.
  return { point, ...body } as PointSpec;
}

function existing(node: GanglionNode, point: string): { readonly spec: PointSpec; readonly version: number } {
  const found = node.point(point);
  if (found === undefined)
    throw new GanglionError('unknown_point', 'There is no such point', { field: 'point', value: point });
  return found;
}

function query(): object {
  return { type: 'object', properties: NODE_QUERY };
}
