import type { ProblemDocument } from '@ganglion/sdk';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { expect } from 'vitest';
import { PROBLEM_TYPE } from '../http/problem.ts';

/** What came back, read as JSON where it is. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it expects
  readonly json: any;
}

/** A call through Fastify itself, without a socket. An object is sent as JSON. */
export async function call(
  app: FastifyInstance,
  method: string,
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const asJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const options: InjectOptions = {
    method: method as 'GET',
    url,
    headers: {
      host: 'localhost',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: asJson ? JSON.stringify(body) : (body as string | Buffer) }),
  };
  const response = await app.inject(options);
  const isJson = /json/.test(String(response.headers['content-type'] ?? ''));
  return {
    status: response.statusCode,
    headers: response.headers,
    text: response.body,
    json: isJson && response.body !== '' ? JSON.parse(response.body) : undefined,
  };
}

/** Whether this is a whole problem document, and which. */
export function problem(answer: Pick<Answer, 'status' | 'headers' | 'json'>): ProblemDocument {
  expect(String(answer.headers['content-type'])).toContain(PROBLEM_TYPE);
  const document = answer.json as ProblemDocument;
  expect(document).toMatchObject({ status: answer.status, type: `urn:ganglion:problem:${document.code}` });
  expect(document.title.length).toBeGreaterThan(0);
  expect(document.detail.length).toBeGreaterThan(0);
  return document;
}
