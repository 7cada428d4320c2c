import { GanglionError } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import type { Api } from './api.ts';

/**
 * Origins whose pages may use the link and the data calls: each exactly as browsers send it (RFC 6454 §6.2), so that
 * comparing is all there is to do, and nothing that is close to one passes for it.
 * @param field - what the refusal names
 * @throws GanglionError `invalid_input`
 */
export function pageOrigins(origins: readonly string[], field: string): ReadonlySet<string> {
  for (const origin of origins) {
    const plain = /^https?:\/\/[^*]+$/i.test(origin) ? URL.parse(origin)?.origin : undefined;
    if (plain === origin) continue;
    throw new GanglionError('invalid_input', 'This is not the origin of a page', {
      field,
      value: origin,
      mend: mendOf(origin, plain),
    });
  }
  return new Set(origins);
}

function mendOf(origin: string, plain: string | undefined): string {
  if (origin.includes('*'))
    return 'Name each origin: there is no wildcard, which would let in pages of others.';
  if (plain !== undefined)
    return `Write ${plain}, as browsers do: nothing after the host, no port that is the standard one.`;
  return 'Write scheme, host and, where it is not the standard one, port: https://shop.example.';
}

/** Read by SDKs and OFREP providers: without the tag a page that polls would have everything decided anew. */
const EXPOSED = 'etag, retry-after';
const PREFLIGHT = {
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'authorization, content-type, if-none-match, x-ganglion-actor',
  'access-control-max-age': '600',
} as const;

/**
 * What an answer to a data call says of pages (Fetch §3.3): nothing where no origin is allowed; never that credentials may be
 * sent, for there are none but the bearer token.
 */
export function pageHeaders(pages: ReadonlySet<string>, origin: string | undefined): Record<string, string> {
  if (pages.size === 0) return {};
  if (origin === undefined || !pages.has(origin)) return { vary: 'Origin' };
  return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED };
}

/** Answers preflights (Fetch §4.8) of allowed origins for data calls, and lets their pages read the answers. All else is as it was. */
export function allowPages(app: FastifyInstance, api: Api): void {
  const { pages } = api.gate;
  if (pages.size === 0) return;
  const shared: RegExp[] = [];
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.access === 'data') shared.push(new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`));
  });
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (request.method !== 'OPTIONS' || origin === undefined || !pages.has(origin)) return;
    if (request.headers['access-control-request-method'] !== 'POST') return;
    const path = request.url.split('?', 1)[0];
    if (!shared.some((route) => route.test(path))) return;
    api.calls.take(request.ip);
    return reply
      .code(204)
      .headers({ ...pageHeaders(pages, origin), ...PREFLIGHT })
      .send();
  });
  app.addHook('onSend', async (request, reply) => {
    if (request.routeOptions.config.access === 'data')
      reply.headers(pageHeaders(pages, request.headers.origin));
  });
}
