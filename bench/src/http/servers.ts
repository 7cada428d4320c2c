/**
 * A server under measurement, as a process of its own: `node servers.ts bare|ganglion [DIR]`. Prints `{"port"}`.
 * `bare` is node:http with nothing but what the protocol asks for: read the body, parse it, build and write an answer of
 * the same fields and length.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildServer, hostNode } from '@ganglion/server';
import { BENCH, POINT, teach } from '../lib/point.ts';

const [kind, dataDir] = process.argv.slice(2);
const server = kind === 'bare' ? bare() : await ganglion();
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`),
);
// Whoever started us is gone.
process.stdin.on('end', () => process.exit(0)).resume();

/** The answer has the fields, and near enough the length, of a decision. */
function bare(): Server {
  let n = 0;
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const many = Array.isArray(body);
      const made = (many ? body : [body]).map((input: { unit: string }) => ({
        id: `cloud~0ivx3a11o0dbfq~0~${n++}`,
        point: 'bench',
        stratum: '',
        proposed: 'arm-9',
        arm: input.unit.length > 0 ? 'arm-9' : 'arm-0',
        propensity: 0.9444067427947944,
        confidence: 1,
        reason: 'policy',
        tier: 'cloud',
        versions: { spec: 1, view: 18 },
        trail: [{ guard: 'exploration', kind: 'soften', why: 'at least 2 % exploration' }],
        atMs: Date.now(),
      }));
      const text = JSON.stringify(many ? made : made[0]);
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    });
  });
}

/** As a daemon serves it: every check, every count; only the rate a client address may have is lifted. */
async function ganglion(): Promise<Server> {
  const node = await hostNode({ name: 'cloud', tier: 'cloud', root: true, dataDir });
  await node.apply({ ...POINT, pending: 1_000_000 }, BENCH);
  await teach(node);
  const app = await buildServer({ nodes: [node], limits: { callsPerSecond: 0 } });
  await app.ready();
  return app.server;
}
