import { GanglionError, show } from '@ganglion/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from '../problem.ts';

export interface RouteMethods {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods each address has, so that a wrong one can be told from a wrong address. */
export function routeTable(app: FastifyInstance): Map<string, RouteMethods> {
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

/**
 * Refuses a parameter that the call does not have: one misspelt would be ignored, and the answer taken for what was asked
 * for. `node` is never unknown, for clients name it on every call.
 * @throws GanglionError `invalid_input`
 */
export function checkParameters({ query, routeOptions, url }: FastifyRequest): void {
  if (!url.startsWith('/v1/')) return;
  const schema = routeOptions.schema?.querystring as { properties?: object } | undefined;
  const known = new Set(['node', ...Object.keys(schema?.properties ?? {})]);
  const unknown = Object.keys(query as object).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new GanglionError('invalid_input', `There is no parameter ${show(unknown)} of this call`, {
    field: unknown.slice(0, 80),
    mend: `Leave it out, or use: ${[...known].join(', ')}.`,
  });
}

/** 405 for a known address, 404 for any other. */
export function notFound(table: ReadonlyMap<string, RouteMethods>, request: FastifyRequest): HttpProblem {
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
