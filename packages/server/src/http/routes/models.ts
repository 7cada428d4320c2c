import { GanglionError, type GanglionNode, type VersionInput } from '@ganglion/core';
import type { ModelAnswer } from '@ganglion/sdk';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { actorOf } from '../auth.ts';
import { unsupportedMedia } from '../problem.ts';
import { DIGEST } from '../schemas.ts';
import { answers, NODE_QUERY } from './route.ts';

const QUERY = { type: 'object', properties: NODE_QUERY } as const;
const CHANGE = {
  type: 'object',
  required: ['revision', 'changed'],
  properties: { revision: { type: 'integer' }, changed: { type: 'boolean' } },
  additionalProperties: true,
} as const;

interface Named {
  Params: { model: string };
}

/** Versions of models: register, compare, promote, roll back, retire; and their artifacts by digest. */
export function modelRoutes(app: FastifyInstance, api: Api): void {
  app.get('/v1/models', {
    config: { access: 'read' },
    schema: {
      operationId: 'models',
      tags: ['models'],
      summary: 'All models with their versions',
      querystring: QUERY,
      response: answers('All models.', { type: 'array', items: { $ref: 'Model#' } }),
    },
    handler: async (request) => pickNode(api, request.query).models.list(),
  });
  app.get<Named>('/v1/models/:model', {
    config: { access: 'read' },
    schema: {
      operationId: 'model',
      tags: ['models'],
      summary: 'A model with its versions, and how they do at each point',
      querystring: QUERY,
      response: answers('The model; `reports`: its versions at each point that has them as arms.', 'Model'),
    },
    handler: async (request): Promise<ModelAnswer> =>
      modelAnswer(pickNode(api, request.query), request.params.model),
  });
  app.post<Named & { Body: VersionInput }>('/v1/models/:model/versions', {
    config: { access: 'control' },
    schema: {
      operationId: 'registerVersion',
      tags: ['models'],
      summary: 'Register a version of a model',
      description: 'The first version of a model is its champion, every other a challenger without traffic.',
      querystring: QUERY,
      body: { $ref: 'VersionRequest#' },
      response: answers('Registered, durably.', CHANGE, 201),
    },
    handler: async (request, reply) => {
      const node = pickNode(api, request.query);
      const { model } = request.params;
      const by = actorOf(request.principal, node.name);
      const made = await node.models.register({ ...request.body, model, by });
      return reply.code(made.changed ? 201 : 200).send({ model, version: request.body.version, ...made });
    },
  });
  changes(app, api);
  artifacts(app, api);
}

function changes(app: FastifyInstance, api: Api): void {
  app.post<Named & { Body: { version: string; traffic?: number; reason: string } }>(
    '/v1/models/:model/promote',
    {
      config: { access: 'control' },
      schema: {
        operationId: 'promoteVersion',
        tags: ['models'],
        summary: 'Make a version the champion, or a challenger with a share of the traffic',
        querystring: QUERY,
        body: { $ref: 'PromoteRequest#' },
        response: answers('In force, durably.', CHANGE),
      },
      handler: async (request) => {
        const node = pickNode(api, request.query);
        const by = actorOf(request.principal, node.name);
        return node.models.promote({ ...request.body, model: request.params.model, by });
      },
    },
  );
  app.post<Named & { Body: { version: string; reason: string } }>('/v1/models/:model/retire', {
    config: { access: 'control' },
    schema: {
      operationId: 'retireVersion',
      tags: ['models'],
      summary: 'Take a challenger out of the traffic',
      querystring: QUERY,
      body: { $ref: 'RetireRequest#' },
      response: answers('In force, durably.', CHANGE),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      const by = actorOf(request.principal, node.name);
      return node.models.retire({ ...request.body, model: request.params.model, by });
    },
  });
  app.post<Named & { Body: { reason: string } }>('/v1/models/:model/rollback', {
    config: { access: 'control' },
    schema: {
      operationId: 'rollbackModel',
      tags: ['models'],
      summary: 'The champion before this one, at once',
      description:
        'A kill of the champion and the promotion of the one before it, in one: `tag` is acknowledged node by node in GET /v1/controls.',
      querystring: QUERY,
      body: { $ref: 'RollbackRequest#' },
      response: answers(
        'In force, durably. boundMs: when no overseen node serves it any more at the latest.',
        CHANGE,
      ),
    },
    handler: async (request) => {
      const node = pickNode(api, request.query);
      const by = actorOf(request.principal, node.name);
      return node.models.rollback({ ...request.body, model: request.params.model, by });
    },
  });
}

/** Artifacts by digest, where this daemon keeps them: they stay on this machine, their digests go down the tree. */
function artifacts(app: FastifyInstance, api: Api): void {
  const store = () => {
    if (api.artifacts !== undefined) return api.artifacts;
    throw new GanglionError('unsupported', 'this daemon keeps no artifacts', {
      mend: 'Start it with --data DIR instead of --memory.',
    });
  };
  const params = { type: 'object', properties: { digest: DIGEST } } as const;
  app.put<{ Params: { digest: string }; Body: Buffer }>('/v1/artifacts/:digest', {
    config: { access: 'control', bytes: true },
    bodyLimit: api.limits.artifactBytes,
    schema: {
      operationId: 'putArtifact',
      tags: ['models'],
      summary: 'Keep an artifact under its digest',
      consumes: ['application/octet-stream'],
      params,
      response: answers('Kept, durably.'),
    },
    handler: async (request) => {
      const { digest } = request.params;
      const { body } = request;
      if (!Buffer.isBuffer(body))
        throw unsupportedMedia(request.headers['content-type'], 'application/octet-stream');
      await store().put(digest, body);
      return { digest, bytes: body.length };
    },
  });
  app.get<{ Params: { digest: string } }>('/v1/artifacts/:digest', {
    config: { access: 'read' },
    schema: {
      operationId: 'artifact',
      tags: ['models'],
      summary: 'An artifact by its digest',
      params,
      response: {
        200: {
          description: 'The bytes.',
          content: { 'application/octet-stream': { schema: { type: 'string' } } },
        },
        default: answers('').default,
      },
    },
    handler: async (request, reply) =>
      reply.type('application/octet-stream').send(await store().get(request.params.digest)),
  });
}

function modelAnswer(node: GanglionNode, model: string): ModelAnswer {
  const status = node.models.get(model);
  if (status === undefined)
    throw new GanglionError('unknown_model', 'There is no such model', { field: 'model', value: model });
  const reports = status.points.map((point) => ({ point, arms: node.report(point).arms }));
  return { ...status, reports };
}
