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
