import { GanglionError, type GanglionNode } from '@ganglion/core';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createEvaluator } from '../evaluation/evaluator.ts';
import type { ArtifactStore } from '../host/artifact-store.ts';
import { rarely } from '../host/rarely.ts';
import { createLogger, type Logger } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { pointHistory } from '../point-history.ts';
import type { ObservedProxy } from '../proxy/proxy-metrics.ts';
import type { Trainer } from '../training/trainer.ts';
import { packageVersion } from '../version.ts';
import { answersDue } from './answers-due.ts';
import { type Api, admit } from './api.ts';
import { type AuthOptions, gate } from './auth.ts';
import { decisionWriter } from './decision-json.ts';
import { eventHub } from './events.ts';
import { encoded, fastPath } from './fast-path.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts';
import { hangUps, listener, refuseSocket } from './listener.ts';
import { MODEL_SCHEMAS } from './model-schemas.ts';
import { describeRoutes } from './openapi.ts';
import { servePage } from './page.ts';
import { allowPages } from './pages.ts';
import { addParsers } from './parsers.ts';
import { PROBLEM_TYPE, problemHeaders, problemOf } from './problem.ts';
import { rateLimiter } from './rate.ts';
import { controlRoutes } from './routes/controls.ts';
import { decisionRoutes } from './routes/decisions.ts';
import { evaluateRoutes } from './routes/evaluate.ts';
import { featureRoutes } from './routes/features.ts';
import { modelRoutes } from './routes/models.ts';
import { ofrepFailure, ofrepRoutes } from './routes/ofrep.ts';
import { operationRoutes } from './routes/operations.ts';
import { pointRoutes } from './routes/points.ts';
import { callerOf } from './routes/route.ts';
import { trainingRoutes } from './routes/training.ts';
import { treeRoutes } from './routes/tree.ts';
import { checkParameters, notFound, routeTable } from './routes/unknown.ts';
import { SCHEMAS } from './schemas.ts';
import { schemaError } from './validation.ts';

export interface ServerOptions {
  /** The nodes of this process; the first answers where a call names none, so put the root-most first. */
  readonly nodes: readonly GanglionNode[];
  /** Default: no tokens; control actions from this machine only. */
  readonly auth?: AuthOptions | undefined;
  readonly logger?: Logger | undefined;
  /** Directory with the built console; without it there is only the API. */
  readonly consoleDir?: string | undefined;
  readonly limits?: Partial<HttpLimits> | undefined;
  /** Where artifacts are kept; without it calls that need one are refused. */
  readonly artifacts?: ArtifactStore | undefined;
  /** Folder where the nodes keep their stores, `DIR/NAME.db`: what is evaluated. Without it there is no log. */
  readonly data?: string | undefined;
  /** Trains models anew; without it calls about that are refused. */
  readonly trainer?: Trainer | undefined;
  /** Proxies of this process, shown among the metrics; asked at every scrape. */
  readonly proxies?: (() => readonly ObservedProxy[]) | undefined;
}

/**
 * The HTTP API before one or more nodes (DESIGN §7): a Fastify application, not yet listening. Closing it ends event
 * streams and connections, not the nodes.
 * @throws GanglionError `invalid_input` without a node, or with two of one name
 */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const api = apiOf(options);
  const { limits } = api;
  const due = answersDue();
  let accelerated: ReturnType<typeof fastPath> | undefined;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    routerOptions: { maxParamLength: 1_024 },
    // Fastify's own 503 would be no problem document; while it closes, what is still asked is answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false },
    },
    schemaErrorFormatter: (errors, part) => schemaError(errors, part),
    frameworkErrors: (error, request, reply) => void fail(api, error, request, reply as FastifyReply),
    clientErrorHandler: (error, socket) => refuseSocket(error, socket, due),
    serverFactory: (handler) =>
      listener(
        limits,
        due,
        (request, response) => accelerated?.(request, response) === true || handler(request, response),
      ),
  });
  accelerated = fastPath(api);
  for (const schema of [...SCHEMAS, ...MODEL_SCHEMAS]) app.addSchema(schema);
  // Response schemas describe; they must not drop what they do not know.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => fail(api, error, request, reply));
  addParsers(app, limits);
  allowPages(app, api);
  hooks(app, api);
  await describeRoutes(app, api.version);
  const methods = routeTable(app);
  for (const routes of [
    operationRoutes,
    pointRoutes,
    evaluateRoutes,
    decisionRoutes,
    featureRoutes,
    controlRoutes,
    modelRoutes,
    trainingRoutes,
    treeRoutes,
    ofrepRoutes,
  ])
    routes(app, api);
  if (options.consoleDir !== undefined) await servePage(app, options.consoleDir);
  app.setNotFoundHandler((request, reply) => fail(api, notFound(methods, request), request, reply));
  const hangUp = hangUps(app.server, limits);
  app.addHook('preClose', async () => {
    hangUp();
    for (const hub of api.hubs.values()) hub.close();
    api.evaluator.close();
    api.history.close();
  });
  app.addHook('onClose', async () => api.metrics.close());
  api.history.start();
  return app;
}

function apiOf(options: ServerOptions): Api {
  const [node] = options.nodes;
  if (node === undefined)
    throw new GanglionError('invalid_input', 'A server needs a node', {
      field: 'nodes',
      mend: 'Pass at least one.',
    });
  const nodes = new Map(options.nodes.map((each) => [each.name, each]));
  if (nodes.size < options.nodes.length)
    throw new GanglionError('invalid_input', 'Two nodes of a server have one name', {
      field: 'nodes',
      mend: 'Give each its own name.',
    });
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  const nowMs = (): number => performance.now();
  return {
    node,
    nodes,
    gate: gate(options.auth ?? { tokens: [] }),
    limits,
    calls: rateLimiter(limits.callsPerSecond, limits.clients, nowMs),
    actions: rateLimiter(limits.actionsPerSecond, limits.clients, nowMs),
    history: pointHistory(node, Date.now),
    metrics: createMetrics(node, options.proxies, options.nodes),
    writer: decisionWriter(),
    hubs: new Map(options.nodes.map((each) => [each.name, eventHub(each, limits)])),
    evaluator: createEvaluator({ data: options.data }),
    log: options.logger ?? createLogger('silent'),
    diskFailures: rarely(60_000),
    artifacts: options.artifacts,
    trainer: options.trainer,
    version: packageVersion(),
  };
}

const startedMs = Symbol('startedMs');

function hooks(app: FastifyInstance, api: Api): void {
  app.decorateRequest('principal');
  app.addHook('onRequest', async (request) => {
    (request as { [startedMs]?: number })[startedMs] = performance.now();
    // Addresses that lead nowhere are answered as such to anybody.
    const access = request.is404 ? 'open' : (request.routeOptions.config.access ?? 'read');
    request.principal = admit(api, callerOf(request), access);
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') throw encoded(encoding);
    if (!request.is404) checkParameters(request);
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    // JSON has no charset parameter (RFC 8259 §11), whatever Fastify adds.
    const type = reply.getHeader('content-type');
    if (typeof type === 'string')
      reply.header('content-type', type.replace(/^(application\/.*json); charset=utf-8$/, '$1'));
  });
  app.addHook('onResponse', async (request, reply) => {
    const began = (request as { [startedMs]?: number })[startedMs];
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    if (began !== undefined && route !== '/v1/events')
      api.metrics.answered(request.method, route, reply.statusCode, (performance.now() - began) / 1000);
    if (request.routeOptions.config.access === 'control')
      api.log.info(
        {
          by: request.principal?.name,
          method: request.method,
          url: request.url.slice(0, 256),
          status: reply.statusCode,
        },
        'control action',
      );
  });
}

function fail(api: Api, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  const call = { method: request.method, url: request.url.slice(0, 256) };
  if (problem.code === 'internal') api.log.error({ err: error, ...call }, 'a call failed');
  else if (problem.status >= 500) {
    const times = problem.code.startsWith('storage_') ? api.diskFailures(problem.code) : 1;
    if (times !== undefined)
      api.log.warn(
        { code: problem.code, detail: problem.detail, ...call, times },
        'a call could not be answered',
      );
  }
  const isFlag = request.url.startsWith('/ofrep/');
  const key = isFlag
    ? { key: (request.params as { key?: string } | undefined)?.key ?? '', ...ofrepFailure(error) }
    : undefined;
  return reply
    .code(problem.status)
    .headers(problemHeaders(error, problem.status))
    .header('content-type', PROBLEM_TYPE)
    .send(JSON.stringify({ ...problem, ...key }));
}
