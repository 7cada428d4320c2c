import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProxyServer } from 'httpxy';
import { inTurn, ready } from './argument.ts';

const next = inTurn();
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: 1024 }), xfwd: true });
const server = createServer((incoming, response) => {
  proxy.web(incoming, response, { target: next() }).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port));
