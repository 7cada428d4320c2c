import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { seededRandom } from './demo-random.ts';
import { type BackendProfile, drawService, readProfile, type Service, spellLengths } from './demo-service.ts';
import { exitOverUsage, followParent, tellParent } from './parent.ts';

/**
 * A real HTTP backend in its own process, for the demo.
 *
 *   node demo-backend.ts --name a --port 0 --profile slows --seed 7
 *
 * Prints `{"event":"listening","name","port","origin"}`, then `{"event":"spell","name","kind","on"}` whenever it
 * begins or ends to be slow or to fail. Ends with its parent. The same seed gives the same spells and services.
 */
function main(): void {
  const { name, port, profile, seed } = readArguments();
  const on = { slow: false, failing: false };
  const random = seededRandom(seed);
  const serve = line(profile);
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/healthz') {
      response.end('ok\n');
      return;
    }
    response.setHeader('x-backend', name);
    response.setHeader('content-type', 'application/json');
    serve(response, () => drawService(profile, random, on), name);
  });
  // Longer than the proxy keeps idle connections, so that it is never this side which closes one first.
  server.keepAliveTimeout = 30_000;
  const timers: { stop: () => void }[] = [];
  for (const kind of ['slow', 'failing'] as const) {
    const spells = profile[kind];
    if (spells === undefined) continue;
    const lengths = spellLengths(seededRandom(seed ^ (kind === 'slow' ? 0x51 : 0xfa)), spells);
    timers.push(
      alternate(lengths, (isOn) => {
        on[kind] = isOn;
        tellParent({ event: 'spell', name, kind, on: isOn });
      }),
    );
  }
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => {
    const bound = (server.address() as AddressInfo).port;
    tellParent({ event: 'listening', name, port: bound, origin: `http://127.0.0.1:${bound}` });
  });
  followParent(
    () => {},
    () => {
      for (const timer of timers) timer.stop();
      server.close(() => process.exit(0));
      server.closeAllConnections();
    },
  );
}

function readArguments(): { name: string; port: number; profile: BackendProfile; seed: number } {
  try {
    const { values } = parseArgs({
      options: {
        name: { type: 'string', default: 'backend' },
        port: { type: 'string', default: '0' },
        profile: { type: 'string', default: 'steady' },
        seed: { type: 'string', default: '1' },
      },
    });
    const port = Number(values.port);
    const seed = Number(values.seed);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError('port: must be 0 to 65535');
    if (!Number.isInteger(seed)) throw new TypeError('seed: must be a whole number');
    return { name: values.name, port, profile: readProfile(values.profile), seed };
  } catch (error) {
    exitOverUsage(error);
  }
}

type Job = { readonly response: ServerResponse; readonly draw: () => Service };

/** Serves as many at once as there are workers; the others wait in line, and leave it when their client does. */
function line(
  profile: BackendProfile,
): (response: ServerResponse, draw: () => Service, name: string) => void {
  const waiting: Job[] = [];
  let busy = 0;
  const next = (name: string): void => {
    while (busy < profile.workers) {
      const job = waiting.shift();
      if (job === undefined) return;
      if (job.response.destroyed) continue;
      busy += 1;
      const { status, ms } = job.draw();
      setTimeout(() => {
        busy -= 1;
        job.response.statusCode = status;
        job.response.end(`${JSON.stringify({ backend: name, status, ms: Math.round(ms * 10) / 10 })}\n`);
        next(name);
      }, ms);
    }
  };
  return (response, draw, name) => {
    if (waiting.length >= profile.line) {
      response.writeHead(503).end(`${JSON.stringify({ backend: name, status: 503 })}\n`);
      return;
    }
    waiting.push({ response, draw });
    next(name);
  };
}

/** Calls with true and false in turn, after each length; quiet comes first. */
function alternate(lengths: Generator<number, never>, turn: (on: boolean) => void): { stop: () => void } {
  let on = false;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(() => {
      on = !on;
      turn(on);
      wait();
    }, lengths.next().value);
  };
  wait();
  return { stop: () => clearTimeout(timer) };
}

main();
