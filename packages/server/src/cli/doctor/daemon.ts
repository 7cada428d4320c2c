import { createServer } from 'node:net';
import { isGanglionError } from '@ganglion/core';
import type { Client, HealthAnswer } from '@ganglion/sdk';
import { packageVersion } from '../../version.ts';
import { duration } from '../format.ts';
import type { Check } from './check.ts';

const MOST_SKEW_MS = 1_000;

/** The daemon, if one runs; else whether its port is free for one. @param asked - somebody named it: it ought to run */
export async function checkDaemon(client: Client, asked: boolean): Promise<Check[]> {
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
    ...(await tree(client)),
  ];
}

async function notThere(client: Client, asked: boolean, error: unknown): Promise<Check[]> {
  const port = Number(new URL(client.url).port || 80);
  const isOurs = isGanglionError(error, 'closed');
  const daemon: Check = {
    name: 'daemon',
    state: asked ? 'fails' : 'warns',
    found: error instanceof Error ? error.message : String(error),
    mend: isOurs ? 'Start one with: ganglion up' : 'See what answers there; it may not be Ganglion.',
  };
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
