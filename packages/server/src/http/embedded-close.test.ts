import type { HostedNode, PointSpec } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { type EmbedOptions, embedNode } from '@ganglion/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../host/daemon.ts';
import { createLogger } from '../log.ts';
import { blackHole } from '../testing/black-hole.ts';
import { startNode } from '../testing/node.ts';

const RANKING: PointSpec = {
  point: 'ranking',
  arms: ['new', 'old'],
  fallback: 'old',
  policy: { kind: 'thompson' },
};
/** Longer than a test may take: a node that waits for it is seen to. */
const FOR_EVER_MS = 3_600_000;

let root: HostedNode;
let daemon: Daemon;
beforeEach(async () => {
  root = await startNode([RANKING]);
  daemon = await startDaemon({ nodes: [root], host: '127.0.0.1', port: 0, logger: createLogger('silent') });
});
afterEach(async () => {
  await daemon.close();
  await root.close();
});

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const below = (options: Partial<EmbedOptions> = {}): Promise<HostedNode> =>
  embedNode({ name: 'app', registry: standard, parent: { url: daemon.url }, ...options });

/** One that decides as it learns, and has told its parent all there was to tell so far. */
async function deciding(options?: Partial<EmbedOptions>): Promise<HostedNode> {
  const node = await below(options);
  await until(() => node.point('ranking') !== undefined && node.decide('ranking').reason === 'policy');
  return node;
}

async function learn(node: HostedNode, outcomes: number): Promise<void> {
  const items = Array.from({ length: outcomes }, () => ({ id: node.decide('ranking').id, reward: 1 }));
  for (const { status } of await node.feedback(items)) expect(status).toBe('joined');
}

describe('a node without storage that is closed', () => {
  it('has told its parent every outcome that it took', async () => {
    const node = await deciding({ closeWithinMs: FOR_EVER_MS });
    await learn(node, 50);
    await node.close();
    // What it learns from is rebuilt now and then.
    await until(() => root.report('ranking').pooled.othersOutcomes === 50);
  });

  it('has handed on the feedback that it took for another’s decision, and a kill', async () => {
    const node = await deciding({ closeWithinMs: FOR_EVER_MS });
    const { id } = root.decide('ranking');
    expect(await node.feedback([{ id, reward: 1 }])).toMatchObject([{ status: 'routed' }]);
    await node.kill({ scope: 'node:app', reason: 'r', by: { name: 'me', authority: 'app' } });
    await node.close();
    expect(root.report('ranking', 'self').outcomes).toBe(1);
    expect(root.controls().kills).toMatchObject([{ scope: 'node:app' }]);
  });

  it('acknowledges no feedback any more that it could not tell in time', async () => {
    const node = await deciding({ closeWithinMs: FOR_EVER_MS });
    await learn(node, 1);
    const { id } = node.decide('ranking');
    const closed = node.close();
    await expect(node.feedback([{ id, reward: 1 }])).rejects.toMatchObject({ code: 'closed' });
    await closed;
    await until(() => root.report('ranking').pooled.othersOutcomes === 1);
  });

  it('does not wait for outcomes that have not come', async () => {
    const node = await deciding({ closeWithinMs: FOR_EVER_MS });
    node.decide('ranking');
    await node.close();
  });

  it('waits no longer than it may, and for no link that is not there', async () => {
    const silent = await blackHole(daemon.url);
    const cut = await deciding({ parent: { url: silent.url }, closeWithinMs: 20 });
    silent.swallow();
    await learn(cut, 1);
    await cut.close();
    silent.close();

    const alone = await below({ parent: { url: 'http://127.0.0.1:1' }, closeWithinMs: FOR_EVER_MS });
    await alone.kill({ scope: 'node:app', reason: 'r', by: { name: 'me', authority: 'app' } });
    await alone.close();
  });

  it('is closed once, however often it is asked', async () => {
    const node = await deciding();
    await learn(node, 1);
    await Promise.all([node.close(), node.close()]);
    await node.close();
    await until(() => root.report('ranking').pooled.othersOutcomes === 1);
  });
});
