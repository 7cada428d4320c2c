import { GanglionError } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import { inspect, parseYaml } from './body.ts';
import { parseOneOrMany } from './fast-path.ts';
import type { HttpLimits } from './limits.ts';
import { unsupportedMedia } from './problem.ts';

/** JSON everywhere, YAML or bytes where a route takes them, and nothing else: all by our own strict readers. */
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
  const cloudEvents = ['application/cloudevents+json', 'application/cloudevents-batch+json'];
  app.addContentTypeParser(cloudEvents, { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      const type = request.headers['content-type'] ?? '';
      if (request.routeOptions.config.events !== true) throw unsupportedMedia(type);
      const value = parseOneOrMany(bytes as Buffer, limits.bodyBytes);
      const batch = type.includes('-batch');
      const items: readonly unknown[] = Array.isArray(value) ? value : [value];
      const isEvent = (item: unknown): boolean =>
        typeof item === 'object' && item !== null && Object.hasOwn(item, 'specversion');
      if (batch !== Array.isArray(value) || !items.every(isEvent))
        throw new GanglionError(
          'invalid_input',
          `The body is no ${batch ? 'batch of CloudEvents' : 'CloudEvent'}`,
          {
            field: 'body',
            mend: batch ? 'Send a list of events with specversion.' : 'Send one event with specversion.',
          },
        );
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
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (request.routeOptions.config.bytes === true) done(null, bytes);
    else done(unsupportedMedia(request.headers['content-type']));
  });
  app.addContentTypeParser('*', (request, _payload, done) => {
    const { yaml, bytes } = request.routeOptions.config;
    const accepted =
      bytes === true
        ? 'application/octet-stream'
        : yaml === true
          ? 'application/json or application/yaml'
          : 'application/json';
    done(unsupportedMedia(request.headers['content-type'], accepted));
  });
}
