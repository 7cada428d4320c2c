import { GanglionError } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { actorOf } from '../auth.ts';
import { REASON } from '../control-schemas.ts';
import { answers, NODE_QUERY } from './route.ts';

const QUERY = { type: 'object', properties: NODE_QUERY } as const;

interface Scope {
  Body: { scope: string; reason: string };
}

/** What people say: kill, revive, override, quarantine; and what stands. */
export function controlRoutes(app: FastifyInstance, api: Api): void {
  const routes = [kill, revive, controls, quarantine, liftQuarantine, override, removeOverride];
  for (const route of routes) route(app, api);
}

function kill(app: FastifyInstance, api: Api): void {
  app.post<Scope>('/v1/kill', {
    config: { access: 'control' },
    schema: {
      operationId: 'kill',
      tags: ['controls'],
      summary: 'Stop learners, at once',
      querystring: QUERY,
      body: { $ref: 'ScopeRequest#' },
      response: answers(
        'The kill stands, durably. boundMs: when every overseen node has stopped at the latest. matches: how many points declared here the scope is about; 0: none is known, and the kill stands for those to come. suggestion: then the scope that was probably meant, where a known name is near; it is not killed.',
        'KillAnswer',
      ),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      return node.kill({ ...request.body, by: actorOf(request.principal, node.name) });
    },
  });
}

function revive(app: FastifyInstance, api: Api): void {
  app.post<Scope>('/v1/revive', {
    config: { access: 'control' },
    schema: {
      operationId: 'revive',
      tags: ['controls'],
      summary: 'Take back every kill of a scope',
      querystring: QUERY,
      body: { $ref: 'ScopeRequest#' },
      response: answers('The tags of the kills taken back.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      return node.revive({ ...request.body, by: actorOf(request.principal, node.name) });
    },
  });
}

function controls(app: FastifyInstance, api: Api): void {
  app.get('/v1/controls', {
    config: { access: 'read' },
    schema: {
      operationId: 'controls',
      tags: ['controls'],
      summary: 'What stands, and how far it has got',
      querystring: QUERY,
      response: answers('Kills with acknowledgements, overrides, quarantine.'),
    },
    handler: async (request) => pickNode(api, request.query).controls(),
  });
}

function quarantine(app: FastifyInstance, api: Api): void {
  app.post<{ Body: { node: string; reason: string } }>('/v1/quarantine', {
    config: { access: 'control' },
    schema: {
      operationId: 'quarantine',
      tags: ['controls'],
      summary: 'Take a node’s evidence out of everything it taught',
      querystring: QUERY,
      body: { $ref: 'QuarantineRequest#' },
      response: answers('Taken out, durably.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      await node.quarantine({ ...request.body, by: actorOf(request.principal, node.name) });
      return { node: request.body.node };
    },
  });
}

function liftQuarantine(app: FastifyInstance, api: Api): void {
  app.delete<{ Params: { target: string }; Querystring: { reason: string } }>('/v1/quarantine/:target', {
    config: { access: 'control' },
    schema: {
      operationId: 'liftQuarantine',
      tags: ['controls'],
      summary: 'Let a node’s evidence count again',
      querystring: { type: 'object', required: ['reason'], properties: { ...NODE_QUERY, reason: REASON } },
      response: answers('The tags of the quarantines lifted, durably.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      return node.liftQuarantine({
        node: request.params.target,
        reason: request.query.reason,
        by: actorOf(request.principal, node.name),
      });
    },
  });
}

interface Override {
  Params: { point: string };
  Body: { arm: string; segment?: Record<string, unknown>; reason: string; forMs?: number };
}

function override(app: FastifyInstance, api: Api): void {
  app.put<Override>('/v1/points/:point/override', {
    config: { access: 'control' },
    schema: {
      operationId: 'override',
      tags: ['controls'],
      summary: 'A person pins an arm',
      querystring: QUERY,
      body: { $ref: 'OverrideRequest#' },
      response: answers('The override stands, durably.'),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      return node.override({
        ...request.body,
        point: request.params.point,
        by: actorOf(request.principal, node.name),
      });
    },
  });
}

function removeOverride(app: FastifyInstance, api: Api): void {
  app.delete<{ Params: { point: string }; Querystring: { tag?: string; reason?: string } }>(
    '/v1/points/:point/override',
    {
      config: { access: 'control' },
      schema: {
        operationId: 'removeOverride',
        tags: ['controls'],
        summary: 'Take back an override, or all of a point',
        querystring: {
          type: 'object',
          properties: {
            ...NODE_QUERY,
            tag: { type: 'string', maxLength: 256 },
            reason: { type: 'string', maxLength: 500 },
          },
        },
        response: answers('The tags of the overrides taken back.'),
      },
      handler: async (request) => {
        const node = pickNode(api, request.query);
        const { point } = request.params;
        const { tag, reason } = request.query;
        if (node.point(point) === undefined)
          throw new GanglionError('unknown_point', 'There is no such point', {
            field: 'point',
            value: point,
          });
        return node.removeOverride({
          point,
          tag,
          reason: reason ?? 'removed',
          by: actorOf(request.principal, node.name),
        });
      },
    },
  );
}
