import type { AddressInfo } from 'node:net';
import replyFrom from '@fastify/reply-from';
import Fastify from 'fastify';
import { inTurn, ready } from './argument.ts';

const next = inTurn();
const app = Fastify({ bodyLimit: 2 ** 30 });
// Bodies are passed on as they come, not parsed.
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
await app.register(replyFrom, { undici: { connections: 1024, pipelining: 1 } });
app.all('/*', (request, reply) => reply.from(`${next()}${request.url}`));
await app.listen({ port: 0, host: '127.0.0.1' });
ready((app.server.address() as AddressInfo).port);
