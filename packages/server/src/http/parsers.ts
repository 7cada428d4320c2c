import type { FastifyInstance } from 'fastify';
import { inspect, parseYaml } from './body.ts';
import { parseOneOrMany } from './fast-path.ts';
import type { HttpLimits } from './limits.ts';
import { unsupportedMedia } from './problem.ts';

/** JSON everywhere, YAML where a route takes it, and nothing else: all by our own strict readers. */
export function addParsers(app: FastifyInstance, limits: HttpLimits): void {
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
