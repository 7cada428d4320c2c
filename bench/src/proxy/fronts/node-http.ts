import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inTurn, ready } from './argument.ts';

// The least that node:http alone needs to pass a request on: no header is looked at, no failure is told apart.
const next = inTurn();
const agent = new Agent({ keepAlive: true, maxSockets: 1024, scheduling: 'lifo' });
const server = createServer((incoming, response) => {
  const { hostname, port } = new URL(next());
  const outgoing = request(
    { host: hostname, port, agent, method: incoming.method, path: incoming.url, headers: incoming.headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    },
  );
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port));
