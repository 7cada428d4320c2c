import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'http-proxy-3';
import { inTurn, ready } from './argument.ts';

const next = inTurn();
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 1024 }), xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
const server = createServer((incoming, response) => proxy.web(incoming, response, { target: next() }));
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port));
