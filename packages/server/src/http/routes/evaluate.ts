import { GanglionError } from '@ganglion/core';
import type { EvaluateAnswer, EvaluateRequest } from '@ganglion/sdk';
import type { FastifyInstance } from 'fastify';
import { type Api, pickNode } from '../api.ts';
import { actorOf } from '../auth.ts';
import { parseYaml } from '../body.ts';
import { answers, NODE_QUERY } from './route.ts';

/** What a candidate would have brought, on this daemon's own log. */
export function evaluateRoutes(app: FastifyInstance, api: Api): void {
  app.post<{ Params: { point: string }; Body: EvaluateRequest }>('/v1/points/:point/evaluate', {
    // It reads and changes nothing; that one runs at a time bounds what it costs.
    config: { access: 'read' },
    schema: {
      operationId: 'evaluate',
      tags: ['points'],
      summary: 'What another policy would have brought, by the log',
      description:
        'Off-policy evaluation on the newest decisions that nodes of this process have kept, in a process of its own: one at a time (503 while another runs), ended when the caller hangs up. A refusal (`refused`) is an answer. Without `node`, the logs of all nodes of this process. Audited.',
      querystring: { type: 'object', properties: NODE_QUERY },
      body: { $ref: 'EvaluateRequest#' },
      response: answers('Estimates with intervals, or why there are none.', 'EvaluateAnswer'),
    },
    handler: async (request, reply): Promise<EvaluateAnswer> => {
      const { point } = request.params;
      const node = pickNode(api, request.query);
      if (node.point(point) === undefined)
        throw new GanglionError('unknown_point', 'There is no such point', { field: 'point', value: point });
      const named = (request.query as { node?: string }).node;
      const nodes = named === undefined ? [...api.nodes.keys()] : [named];
      const job = { point, nodes, request: { ...request.body, candidate: readCandidate(api, request.body) } };
      const hangUp = new AbortController();
      const gone = (): void => hangUp.abort(new GanglionError('closed', 'The caller has gone'));
      reply.raw.once('close', gone);
      try {
        const answer = await api.evaluator.evaluate(job, hangUp.signal);
        await node.note({
          action: 'evaluate',
          target: point,
          reason: `${request.body.name ?? 'a candidate'} on ${answer.log.rows} decisions`,
          by: actorOf(request.principal, node.name),
        });
        return answer;
      } finally {
        reply.raw.off('close', gone);
      }
    },
  });
}

/** As an object; a text is YAML, and with it JSON. */
function readCandidate(api: Api, { candidate }: EvaluateRequest): object {
  const value: unknown =
    typeof candidate === 'string'
      ? named(() => parseYaml(Buffer.from(candidate), api.limits.yamlBytes, api.limits.depth))
      : candidate;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GanglionError('invalid_spec', 'A candidate is a declaration with a policy', {
      field: 'candidate',
      value,
      mend: 'Write "policy: { kind: … }", or a whole point.',
    });
  return value;
}

/** The parser speaks of the body; here it is a field. */
function named<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
    throw new GanglionError(error.code, error.message.replace('The body', 'The candidate'), {
      field: 'candidate',
      mend: error.mend,
      cause: error,
    });
  }
}
