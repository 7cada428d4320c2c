import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { GanglionError, type GanglionNode } from '@ganglion/core';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createLogger, type Logger } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { packageVersion } from '../version.ts';
import { type Api, admit } from './api.ts';
import { type AuthOptions, gate } from './auth.ts';
import { inspect, parseYaml } from './body.ts';
import { decisionWriter } from './decision-json.ts';
import { eventHub } from './events.ts';
import { encoded, fastPath, parseOneOrMany } from './fast-path.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts';
import { HttpProblem, PROBLEM_TYPE, problemHeaders, problemOf, unsupportedMedia } from './problem.ts';
import { rateLimiter } from './rate.ts';
import { controlRoutes } from './routes/controls.ts';
import { decisionRoutes } from './routes/decisions.ts';
import { ofrepFailure, ofrepRoutes } from './routes/ofrep.ts';
import { operationRoutes } from './routes/operations.ts';
import { pointRoutes } from './routes/points.ts';
import { callerOf } from './routes/route.ts';
import { treeRoutes } from './routes/tree.ts';
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
}

/**
 * The HTTP API before one or more nodes (DESIGN §7): a Fastify application, not yet listening. Closing it ends event
 * streams and connections, not the nodes.
 * @throws GanglionError `invalid_input` without a node, or with two of one name
 */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const api = apiOf(options);
  const { limits } = api;
  let accelerated: ReturnType<typeof fastPath> | undefined;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    routerOptions: { maxParamLength: 1_024 },
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false },
    },
    schemaErrorFormatter: (errors, part) => schemaError(errors, part),
    frameworkErrors: (error, request, reply) => void fail(api, error, request, reply as FastifyReply),
    clientErrorHandler: (error, socket) => refuseSocket(error, socket),
    serverFactory: (handler) =>
      listener(
        limits,
        (request, response) => accelerated?.(request, response) === true || handler(request, response),
      ),
  });
  accelerated = fastPath(api);
  for (const schema of SCHEMAS) app.addSchema(schema);
  // Response schemas describe; they must not drop what they do not know.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => fail(api, error, request, reply));
  parsers(app, limits);
  hooks(app, api);
  await describe(app, api);
  const methods = routeTable(app);
  for (const routes of [operationRoutes, pointRoutes, decisionRoutes, controlRoutes, treeRoutes, ofrepRoutes])
    routes(app, api);
  if (options.consoleDir !== undefined) await consoleFiles(app, options.consoleDir);
  app.setNotFoundHandler((request, reply) => fail(api, notFound(methods, request), request, reply));
  app.addHook('preClose', async () => {
    for (const hub of api.hubs.values()) hub.close();
  });
  app.addHook('onClose', async () => api.metrics.close());
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
    metrics: createMetrics(node),
    writer: decisionWriter(),
    hubs: new Map(options.nodes.map((each) => [each.name, eventHub(each, limits)])),
    log: options.logger ?? createLogger('silent'),
    version: packageVersion(),
  };
}

type Handler = Parameters<typeof createServer>[1];

function listener(limits: HttpLimits, handler: NonNullable<Handler>): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      headersTimeout: limits.headersMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: 2_000,
      // A missing Host is refused by the gate, with a document that says so.
      requireHostHeader: false,
    },
    handler,
  );
  // Expectations we do not know are left unmet (RFC 9110 §10.1.1 allows it); the call itself is answered.
  server.on('checkExpectation', handler);
  server.on('connect', (_request, socket: Socket) =>
    refuse(
      socket,
      new HttpProblem('method_not_allowed', 'This is not a tunnel', { mend: 'See /openapi.json.' }),
    ),
  );
  return server;
}

/** What is not HTTP, or too slow, or too large in its head: answered as far as anything can be. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW')
    refuse(
      socket,
      new HttpProblem('headers_too_large', 'The head of the request is too large', {
        mend: 'Send fewer or shorter headers.',
      }),
    );
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    refuse(
      socket,
      new HttpProblem('request_timeout', 'The request did not arrive in time', {
        mend: 'Send it in one go.',
      }),
    );
  else
    refuse(
      socket,
      new HttpProblem('malformed_request', 'This is not an HTTP/1.1 request', { mend: 'Speak HTTP/1.1.' }),
    );
}

function refuse(socket: Socket, error: HttpProblem): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  socket.end(head + body);
}

function parsers(app: FastifyInstance, limits: HttpLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      const { bulk } = request.routeOptions.config;
      const value = parseOneOrMany(bytes as Buffer, limits.bodyBytes);
      // Lists of decisions and feedback are inspected where they are checked, once.
      if (bulk !== true || request.routeOptions.url === '/v1/exposures') inspect(value, limits.depth);
      done(null, value);
    } catch (error) {
      done(error as Error);
    }
  });
  const yaml = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];
  app.addContentTypeParser(yaml, { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      if (request.routeOptions.config.yaml !== true) throw unsupportedMedia(request.headers['content-type']);
      done(null, parseYaml(bytes as Buffer, limits.yamlBytes, limits.depth));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('*', (request, _payload, done) => {
    const accepted =
      request.routeOptions.config.yaml === true ? 'application/json or application/yaml' : 'application/json';
    done(unsupportedMedia(request.headers['content-type'], accepted));
  });
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
  if (problem.status >= 500)
    api.log.error({ err: error, method: request.method, url: request.url.slice(0, 256) }, 'a call failed');
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

interface RouteMethods {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods each address has, so that a wrong one can be told from a wrong address. */
function routeTable(app: FastifyInstance): Map<string, RouteMethods> {
  const table = new Map<string, RouteMethods>();
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return;
    const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`);
    const entry = table.get(url) ?? { pattern, methods: new Set<string>() };
    for (const each of [method].flat()) entry.methods.add(each);
    table.set(url, entry);
  });
  return table;
}

function notFound(table: ReadonlyMap<string, RouteMethods>, request: FastifyRequest): HttpProblem {
  const path = request.url.split('?', 1)[0];
  const route = [...table.values()].find(({ pattern }) => pattern.test(path));
  const allow = [...(route?.methods ?? [])].sort().join(', ');
  if (route === undefined || route.methods.has(request.method))
    return new HttpProblem('not_found', 'There is nothing at this address', {
      field: 'url',
      value: path,
      mend: 'See /openapi.json.',
    });
  return new HttpProblem('method_not_allowed', `${request.method} is not a method of this address`, {
    field: 'method',
    value: request.method,
    mend: `Use ${allow}.`,
    headers: { allow },
  });
}

async function describe(app: FastifyInstance, api: Api): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ganglion',
        description: 'Learned decisions that run anywhere and can always be stopped.',
        version: api.version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }, {}],
    },
    hideUntagged: true,
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json.$id === 'string' ? json.$id : `def-${index}`,
    },
  });
}

/** The page: only its own scripts and styles run, and no other page may frame it, for it has a button that kills. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

async function consoleFiles(app: FastifyInstance, root: string): Promise<void> {
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'open' };
    });
    await page.register(fastifyStatic, {
      root,
      index: ['index.html'],
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.headers(PAGE_HEADERS);
        // Built files carry a hash of their content in their name; the page itself does not.
        reply.header(
          'cache-control',
          /-[\w-]{8,}\.\w+$/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
        );
      },
    });
  });
}
