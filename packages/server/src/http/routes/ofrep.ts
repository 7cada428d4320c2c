import { createHash } from 'node:crypto';
import { type Decision, GanglionError, type GanglionNode, type PointSpec } from '@ganglion/core';
import { type FlagValue, flagInput, flagReason, flagValues } from '@ganglion/sdk';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { answers, BY_HAND, NODE_QUERY } from './route.ts';

/**
 * OpenFeature Remote Evaluation Protocol (OFREP 0.1): a flag is a point, a variant an arm, the targeting key the unit.
 * The decision's id is in the flag's metadata, so that outcomes can be sent as feedback.
 */
export function ofrepRoutes(app: FastifyInstance, api: Api): void {
  app.post<{ Params: { key: string } }>('/ofrep/v1/evaluate/flags/:key', {
    config: { access: 'data' },
    ...BY_HAND,
    schema: {
      operationId: 'evaluateFlag',
      tags: ['ofrep'],
      summary: 'Evaluate one flag',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'OfrepRequest#' },
      response: answers('The flag’s value.'),
    },
    handler: async (request) => {
      const context = contextOf(request.body);
      return evaluate(api, pickNode(api, request.query), request.params.key, context);
    },
  });
  app.post('/ofrep/v1/evaluate/flags', {
    config: { access: 'data' },
    ...BY_HAND,
    schema: {
      operationId: 'evaluateFlags',
      tags: ['ofrep'],
      summary: 'Evaluate all flags for one context',
      description:
        'With If-None-Match it is answered 304, and nothing is decided, as long as declarations and controls are what they were: a client keeps its arms until somebody changes something, not whenever the learner has learned.',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'OfrepRequest#' },
      response: { ...answers('All flags.'), 304: { description: 'Nothing has changed.' } },
    },
    handler: async (request, reply) => {
      const node = pickNode(api, request.query);
      const context = contextOf(request.body);
      const tag = stateTag(node, context);
      reply.header('etag', tag).header('cache-control', 'no-store');
      if (isAmong(request.headers['if-none-match'], tag)) return reply.code(304).send();
      const flags = node.points().map(({ spec }) => flagOrFailure(api, node, spec.point, context));
      return reply.send({ flags });
    },
  });
}

type Context = Readonly<Record<string, unknown>>;

interface Flag {
  readonly key: string;
  readonly value: FlagValue;
  readonly reason: string;
  readonly variant: string;
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
}

function contextOf(body: unknown): Context {
  if (body === undefined || body === null) return {};
  const context =
    typeof body === 'object' && !Array.isArray(body)
      ? ((body as { context?: unknown }).context ?? {})
      : undefined;
  if (typeof context !== 'object' || context === null || Array.isArray(context))
    throw new GanglionError('invalid_context', 'The evaluation context must be an object', {
      field: 'context',
      value: context,
      mend: 'Send {"context": {"targetingKey": "…"}}.',
    });
  const unit = (context as Context).targetingKey;
  if (unit !== undefined && (typeof unit !== 'string' || unit.length > 1024))
    throw new GanglionError('invalid_context', 'The targeting key must be text of at most 1024 characters', {
      field: 'context.targetingKey',
      value: unit,
      mend: 'Send an id, or its hash.',
    });
  return context as Context;
}

/** @throws GanglionError `unknown_point`, `invalid_context`, or `unsupported` where no arm may be served */
function evaluate(api: Api, node: GanglionNode, key: string, context: Context): Flag {
  const point = node.point(key);
  if (point === undefined)
    throw new GanglionError('unknown_point', 'There is no such flag', { field: 'key', value: key });
  const decision = node.decide(key, flagInput(point.spec, context));
  api.metrics.made(decision);
  if (decision.reason === 'invalid_context')
    throw new GanglionError(
      'invalid_context',
      lastWord(decision) || 'The context does not fit the point’s schema',
      {
        field: 'context',
        mend: `See the fields with GET /v1/points/${key}.`,
      },
    );
  if (decision.arm === null)
    throw new GanglionError('invalid_input', `No arm is allowed: ${lastWord(decision)}`, {
      field: 'key',
      value: key,
      mend: 'Serve the code default.',
    });
  return flagOf(point.spec, decision, decision.arm);
}

function flagOf(spec: PointSpec, decision: Decision, arm: string): Flag {
  const { id, stratum, propensity, versions } = decision;
  return {
    key: decision.point,
    value: flagValues(spec).get(arm) ?? arm,
    reason: flagReason(decision.reason),
    variant: arm,
    metadata: {
      decisionId: id,
      decisionReason: decision.reason,
      stratum,
      specVersion: versions.spec,
      ...(propensity === null ? {} : { propensity }),
    },
  };
}

function lastWord(decision: Decision): string {
  return decision.trail.at(-1)?.why ?? '';
}

function flagOrFailure(api: Api, node: GanglionNode, key: string, context: Context): Flag | OfrepFailure {
  try {
    return evaluate(api, node, key, context);
  } catch (error) {
    return { key, ...ofrepFailure(error) };
  }
}

/** What only a person, or a lease, changes: declarations, controls, and each point's mode; and who asks. */
function stateTag(node: GanglionNode, context: Context): string {
  const own = node.nodes().find((status) => status.node === node.name);
  const points = node.points().map(({ spec, version }) => `${spec.point}@${version}`);
  const modes = own?.points.map(({ point, mode }) => `${point}:${mode}`) ?? [];
  const state = JSON.stringify([node.name, node.incarnation, own?.controlVersion, points, modes, context]);
  return `"${createHash('sha256').update(state).digest('base64url').slice(0, 27)}"`;
}

/** Whether `If-None-Match` names the tag: weakly compared, alone, in a list, or as `*` (RFC 9110 §13.1.2). */
function isAmong(named: string | undefined, tag: string): boolean {
  if (named === undefined) return false;
  // Tags hold neither quotes nor what is read as one (§8.8.3), but commas they may.
  const tags: readonly string[] = named.match(/"[^"]*"/g) ?? [];
  return named.trim() === '*' || tags.includes(tag);
}

/** The protocol's own members of a failure; on its routes they stand beside those of the problem document. */
export interface OfrepFailure {
  readonly key?: string;
  readonly errorCode: string;
  readonly errorDetails: string;
}

export function ofrepFailure(error: unknown): OfrepFailure {
  const code = error instanceof GanglionError ? error.code : undefined;
  const errorDetails =
    error instanceof GanglionError ? error.message : 'The daemon could not evaluate the flag';
  if (code === 'unknown_point') return { errorCode: 'FLAG_NOT_FOUND', errorDetails };
  if (code === 'invalid_context') return { errorCode: 'INVALID_CONTEXT', errorDetails };
  if (code === 'invalid_input' && error instanceof GanglionError && error.field?.startsWith('key') !== true)
    return { errorCode: 'PARSE_ERROR', errorDetails };
  return { errorCode: 'GENERAL', errorDetails };
}
