import { expect, it } from 'vitest';
import { problemOf } from './problem.ts';

it('a client that broke off its request is no fault of the daemon; a connection of ours that broke is', () => {
  const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  // So Fastify tells of a body that ends too soon.
  expect(problemOf(Object.assign(broken, { statusCode: 400 }))).toMatchObject({
    status: 400,
    code: 'malformed_request',
  });
  expect(problemOf(Object.assign(broken, { statusCode: undefined }))).toMatchObject({ code: 'internal' });
  for (const thrown of [null, undefined, 'text', 7]) expect(problemOf(thrown).code).toBe('internal');
});
