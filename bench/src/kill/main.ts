/** `npm run bench -- kill`: from a kill that is durable at the root to the last node's acknowledgement. */

import type { HostedNode } from '@ganglion/core';
import { linked, type Mail, mail, memoryNode, turn } from '../lib/network.ts';
import { BENCH, POINT } from '../lib/point.ts';
import { figure } from '../lib/report.ts';
import { median, quantile } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';

const REGIONS = 10;
/** A node’s host lets it look for what is due this often, ms. */
const TICK_MS = 10;

interface Tree {
  readonly root: HostedNode;
  readonly all: readonly HostedNode[];
  readonly post: Mail;
}

await tell({
  name: 'kill',
  title: 'A kill through the tree',
  help: 'One root, ten regions, 989 devices: real nodes in one process, messages in memory, ticked as a host ticks them.',
  async measure({ quick, say }) {
    const nodes = quick ? 200 : 1000;
    say(`${nodes} nodes join`);
    const tree = await grow(nodes);
    const kills = quick ? 3 : 10;
    const took: { lastMs: number; halfMs: number; cpuMs: number }[] = [];
    for (let i = 0; i < kills; i++) took.push(await killOnce(tree, nodes, i));
    for (const node of [...tree.all].reverse()) await node.close();
    const of = (pick: (each: (typeof took)[number]) => number): string[] => [
      figure(median(took.map(pick))),
      figure(quantile(took.map(pick), 1)),
    ];
    const cpu = median(took.map((t) => t.cpuMs));
    return {
      tables: [
        {
          title: `${nodes.toLocaleString('en-US')} nodes, ${kills} kills`,
          head: ['', 'median ms', 'worst ms'],
          rows: [
            ['kill durable at the root → half of the nodes acknowledged at the root', ...of((t) => t.halfMs)],
            ['kill durable at the root → last acknowledgement at the root', ...of((t) => t.lastMs)],
            ['CPU of the whole tree for it', ...of((t) => t.cpuMs)],
            [`limit: that CPU, with nothing ever waiting for a tick`, figure(cpu), ''],
          ],
        },
      ],
      goals: [],
      notes: [
        `One process and one core do the work of ${nodes.toLocaleString('en-US')} machines here, ticked in turn every ${TICK_MS} ms: what is seen is their CPU in sum, far more than the wait of any one of them.`,
        'Without a disk: durable is what storage says at once. On SQLite each tier adds a flush (npm run bench -- storage).',
      ],
    };
  },
});

async function grow(nodes: number): Promise<Tree> {
  const post = mail();
  const root = await memoryNode('root', 'cloud', true);
  await root.apply(POINT, BENCH);
  const regions: HostedNode[] = [];
  for (let i = 0; i < REGIONS; i++) regions.push(await memoryNode(`region-${i}`, 'region', false));
  const devices: HostedNode[] = [];
  for (let i = 0; i < nodes - REGIONS - 1; i++)
    devices.push(await memoryNode(`device-${i}`, 'device', false));
  for (const region of regions) linked(region, root, post);
  for (const [i, device] of devices.entries()) linked(device, regions[i % REGIONS], post);
  const tree = { root, all: [root, ...regions, ...devices], post };
  const ready = (): boolean =>
    devices.every((device) => device.point(POINT.point) !== undefined) && root.nodes().length === nodes;
  for (let i = 0; i < 3000 && !ready(); i++) await step(tree);
  if (!ready()) throw new Error('the tree did not come together');
  return tree;
}

/** A tick of every node, each followed by its messages, then the rest of the tick in idleness. */
async function step({ all, post }: Tree): Promise<void> {
  const nextMs = performance.now() + TICK_MS;
  for (const node of all) {
    node.tick();
    post.deliver();
  }
  await turn();
  post.deliver();
  const restMs = nextMs - performance.now();
  if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
}

async function killOnce(tree: Tree, nodes: number, turnOf: number) {
  const { root } = tree;
  const reason = `bench ${turnOf}`;
  const cpuBefore = process.cpuUsage();
  const { tag } = await root.kill({ scope: `point:${POINT.point}`, reason, by: BENCH });
  for (let i = 0; i < 3000; i++) {
    await step(tree);
    const heard = acknowledgements(root, tag);
    if (heard.length < nodes) continue;
    const { user, system } = process.cpuUsage(cpuBefore);
    for (const node of tree.all)
      if (node.decide(POINT.point, { unit: 'u', context: {} }).reason !== 'killed')
        throw new Error(`${node.name} acknowledged the kill and did not obey it`);
    await root.revive({ scope: `point:${POINT.point}`, reason, by: BENCH });
    for (let k = 0; k < 20; k++) await step(tree);
    return {
      lastMs: heard[nodes - 1],
      halfMs: heard[nodes >> 1],
      cpuMs: (user + system) / 1000,
    };
  }
  throw new Error('the kill was not acknowledged by all');
}

/** When each node's word came, ms after the kill was durable, as the root itself says; earliest first. */
function acknowledgements(root: HostedNode, tag: string): number[] {
  const kill = root.controls().kills.find((each) => each.tag === tag);
  return (kill?.acknowledgements ?? [])
    .filter((each) => each.state === 'acknowledged')
    .map((each) => each.afterMs ?? Number.NaN)
    .sort((a, b) => a - b);
}
