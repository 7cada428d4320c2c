import { type Running, startHaproxy, startProgram } from '../processes.ts';

/** Something between client and backends. */
export interface Front {
  readonly name: string;
  start(backends: readonly string[]): Promise<Running>;
}

/** The core that the front has to itself. */
const FRONT_CORE = 0;

const DEFAULTS = `
global
  nbthread 1
  maxconn 8000
  tune.bufsize 131072
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 2s
  timeout http-keep-alive 60s
`;

/** Bytes of the small and of the large answer. */
export const ANSWER_BYTES = { '/': 128, '/large': 65_536 } as const;

/**
 * Backends that cost next to nothing: HAProxy answering by itself, on as many ports as there are arms.
 * A POST is answered once its body has been read.
 */
export async function startBackends(core: number, count: number): Promise<Running[]> {
  return Promise.all(
    Array.from({ length: count }, () =>
      startHaproxy(
        core,
        (port) => `${DEFAULTS}
frontend backend
  bind 127.0.0.1:${port}
  http-request wait-for-body time 10s if METH_POST
  http-request return status 200 content-type text/plain string "${'x'.repeat(ANSWER_BYTES['/large'])}" if { path /large }
  http-request return status 200 content-type text/plain string "${'x'.repeat(ANSWER_BYTES['/'])}"
`,
      ),
    ),
  );
}

function haproxy(backends: readonly string[]): Promise<Running> {
  const servers = backends.map((url, i) => `  server s${i} ${new URL(url).host}`).join('\n');
  return startHaproxy(
    FRONT_CORE,
    (port) => `${DEFAULTS}
frontend front
  bind 127.0.0.1:${port}
  default_backend arms
backend arms
  balance roundrobin
  http-reuse always
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header Via "1.1 haproxy"
${servers}
`,
  );
}

function program(file: string): Front['start'] {
  return (backends) => startProgram(FRONT_CORE, `fronts/${file}`, [backends.join(',')]);
}

/** Ganglion beside HAProxy, and beside what node has to offer. All on one core, all round robin. */
export const fronts: readonly Front[] = [
  { name: 'HAProxy', start: haproxy },
  { name: 'Ganglion', start: program('ganglion.ts') },
  { name: 'node:http, bare', start: program('node-http.ts') },
  { name: 'http-proxy-3', start: program('http-proxy-3.ts') },
  { name: 'httpxy', start: program('httpxy.ts') },
  { name: '@fastify/reply-from', start: program('reply-from.ts') },
];
