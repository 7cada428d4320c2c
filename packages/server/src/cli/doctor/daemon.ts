import { createServer } from 'node:net';
import { isGanglionError, PROTOCOL } from '@ganglion/core';
import type { Client, HealthAnswer } from '@ganglion/sdk';
import { packageVersion } from '../../version.ts';
import { duration } from '../format.ts';
import type { Check } from './check.ts';

const MOST_SKEW_MS = 1_000;

/** The daemon, if one runs; else whether its port is free for one. @param asked - somebody named it: it ought to run */
export async function checkDaemon(client: Client, asked: boolean, hasToken: boolean): Promise<Check[]> {
  const began = Date.now();
  let health: HealthAnswer;
  try {
    health = await client.health();
  } catch (error) {
    return notThere(client, asked, error);
  }
  const ended = Date.now();
  return [
    { name: 'daemon', state: 'passes', found: `${health.node} at ${client.url} answers` },
    version(health),
    // Its clock was read between these two moments.
    clock(Math.max(0, began - health.nowMs, health.nowMs - ended)),
    access(health, hasToken),
    ...(await tree(client)),
  ];
}

/** The parent that a node here shall have: reachable, of the same protocol, its clock near, the token good for a link. */
export async function checkParent(client: Client): Promise<Check[]> {
  const began = Date.now();
  let health: HealthAnswer;
  try {
    health = await client.health();
  } catch (error) {
    return [
      {
        name: 'parent',
        state: 'fails',
        found: error instanceof Error ? error.message : String(error),
        mend:
          certificateMend(error) ??
          'See that it runs, and that no firewall or proxy is between: the link is a WebSocket to the same port.',
      },
    ];
  }
  const skewMs = Math.max(0, began - health.nowMs, health.nowMs - Date.now());
  return [
    { name: 'parent', state: 'passes', found: `${health.node} at ${client.url} answers` },
    protocol(health),
    { ...clock(skewMs), name: 'parent’s clock' },
    link(health),
  ];
}

function protocol({ protocol: theirs, version: release }: HealthAnswer): Check {
  return theirs === PROTOCOL
    ? { name: 'protocol', state: 'passes', found: `${PROTOCOL}, as here` }
    : {
        name: 'protocol',
        state: 'fails',
        found: `the parent speaks ${theirs ?? 'one that it does not tell'}, this command ${PROTOCOL}`,
        mend: `Use the release of the parent, ${release}, here, or this one there.`,
      };
}

function link({ role }: HealthAnswer): Check {
  return role === 'node' || role === 'operator'
    ? { name: 'link', state: 'passes', found: `allowed, as ${role}` }
    : {
        name: 'link',
        state: 'fails',
        found:
          role === null
            ? 'the parent does not know the token'
            : `the token is one of ${role === 'app' ? 'an' : 'a'} ${role}`,
        mend: 'Set GANGLION_PARENT_TOKEN to a token of the role node; without tokens, links are taken from the parent’s machine only.',
      };
}

/** Who this command is to the daemon. */
function access({ tokens, role }: HealthAnswer, hasToken: boolean): Check {
  if (!tokens)
    return hasToken
      ? {
          name: 'token',
          state: 'warns',
          found: 'one is sent, but the daemon asks for none: a wrong one would do as well',
          mend: 'Start the daemon with GANGLION_TOKEN or --token-file.',
        }
      : { name: 'token', state: 'passes', found: 'none is asked for' };
  if (role !== null) return { name: 'token', state: 'passes', found: ROLES[role] };
  return {
    name: 'token',
    state: 'fails',
    found: hasToken ? 'the daemon does not know it' : 'the daemon asks for one',
    mend: 'Give one of its tokens with --token or GANGLION_TOKEN.',
  };
}

const ROLES = {
  viewer: 'of a viewer: it may read',
  app: 'of an app: it may read, decide and send feedback, and stop nothing',
  node: 'of a node: it may link, and nothing else',
  operator: 'of an operator: it may do everything',
} as const;

async function notThere(client: Client, asked: boolean, error: unknown): Promise<Check[]> {
  const port = Number(new URL(client.url).port || 80);
  const certificate = certificateMend(error);
  const isOurs = isGanglionError(error, 'closed');
  const daemon: Check = {
    name: 'daemon',
    state: asked ? 'fails' : 'warns',
    found: error instanceof Error ? error.message : String(error),
    mend:
      certificate ??
      (isOurs ? 'Start one with: ganglion up' : 'See what answers there; it may not be Ganglion.'),
  };
  // Whoever showed a certificate has the port.
  if (certificate !== undefined) return [daemon];
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(new URL(client.url).hostname)) return [daemon];
  return [
    daemon,
    (await isFree(port))
      ? { name: 'port', state: 'passes', found: `${port} is free` }
      : {
          name: 'port',
          state: 'fails',
          found: `${port} is taken by another program`,
          mend: 'Stop it, or start the daemon with --port 0 or another port.',
        },
  ];
}

/** What to do where it was the certificate that was not taken; it says all there is to do. */
function certificateMend(error: unknown): string | undefined {
  return isGanglionError(error, 'closed') && error.mend?.includes('certificate') ? error.mend : undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function version({ version: theirs }: HealthAnswer): Check {
  const ours = packageVersion();
  return ours === theirs
    ? { name: 'version', state: 'passes', found: ours }
    : {
        name: 'version',
        state: 'warns',
        found: `the daemon is ${theirs}, this command ${ours}`,
        mend: 'Use the same version of both.',
      };
}

function clock(skewMs: number): Check {
  return skewMs <= MOST_SKEW_MS
    ? { name: 'clock', state: 'passes', found: `within ${duration(Math.max(1, skewMs))} of this machine’s` }
    : {
        name: 'clock',
        state: 'warns',
        found: `${duration(skewMs)} away from this machine’s`,
        mend: 'Synchronise both clocks (NTP): expiries of overrides and the audit go by them.',
      };
}

async function tree(client: Client): Promise<Check[]> {
  try {
    const nodes = await client.nodes();
    return nodes.map((node): Check => {
      const found =
        node.problems.length === 0
          ? `${node.health}, ${node.tier}, storage ${node.storage}`
          : node.problems.join('; ');
      if (node.health === 'healthy') return { name: `node ${node.node}`, state: 'passes', found };
      return {
        name: `node ${node.node}`,
        state: 'warns',
        found: `${node.health}: ${found}`,
        mend:
          node.storage === 'failing'
            ? 'See its disk and its log.'
            : 'See that it runs and reaches its parent.',
      };
    });
  } catch (error) {
    const isToken = isGanglionError(error, 'unauthorized') || isGanglionError(error, 'forbidden');
    return [
      {
        name: 'nodes',
        state: isToken ? 'fails' : 'warns',
        found: (error as Error).message,
        mend: isToken ? 'Give a token with --token or GANGLION_TOKEN.' : 'See the daemon’s log.',
      },
    ];
  }
}
