/** `npm run bench -- sync`: what 1,000 and 10,000 children cost a region, each with its own evidence to tell and totals to hear. */

import { systemChance } from '@ganglion/adapters/system';
import { createNode, type HostedNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { memoryNode, turn } from '../lib/network.ts';
import { BENCH, POINT } from '../lib/point.ts';
import { figure, ratio } from '../lib/report.ts';
import { median } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { recordScript, type Script, speak, type Uplink, uplink } from '../lib/uplinks.ts';

interface Cost {
  readonly children: number;
  readonly codec: boolean;
  /** A child a round. */
  readonly cpuUs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** A child, in the region's heap (and the light uplink's, which is little). */
  readonly heapBytes: number;
}

await tell({
  name: 'sync',
  title: 'Children of a region',
  help: 'Light uplinks that speak the messages of a real device to a real node, every one of them every second.',
  async measure({ quick, say }) {
    const rounds = quick ? 4 : 12;
    const sizes = quick ? [200, 2000] : [1000, 10_000];
    const script = await scriptFor(rounds + 2);
    const costs: Cost[] = [];
    for (const codec of [false, true])
      for (const children of sizes) {
        say(`${children} children, ${codec ? 'bytes' : 'objects'}`);
        costs.push(await measureRegion(children, codec, rounds, script));
      }
    const text = textCost(sizes[1]);
    const rows = costs.map((cost) => [
      `${cost.children.toLocaleString('en-US')} children, ${cost.codec ? 'through the codec' : 'as objects'}`,
      figure(cost.cpuUs),
      cost.codec ? figure(cost.bytesUp) : '',
      cost.codec ? figure(cost.bytesDown) : '',
      figure(cost.heapBytes),
      figure((cost.cpuUs * cost.children) / 1e4),
    ]);
    const linear = [0, 2].map((i) => ratio(costs[i + 1].cpuUs, costs[i].cpuUs));
    const worst = Math.max(costs[1].cpuUs / costs[0].cpuUs, costs[3].cpuUs / costs[2].cpuUs);
    return {
      tables: [
        {
          title: 'A child, each round (a round is a second of the node’s time)',
          head: ['', 'CPU µs', 'bytes up', 'bytes down', 'heap bytes', '% of a core'],
          rows: [
            ...rows,
            [
              'limit: JSON.parse and JSON.stringify of those bytes',
              figure(text(costs[3].bytesUp, costs[3].bytesDown)),
              figure(costs[3].bytesUp),
              figure(costs[3].bytesDown),
              '',
              '',
            ],
          ],
        },
      ],
      goals: [
        {
          goal: `cost linear in children: ${sizes[1]} beside ${sizes[0]}, CPU a child`,
          figure: `${linear[0]} as objects, ${linear[1]} through the codec`,
          met: worst <= 1.3,
        },
      ],
      notes: [
        'Every child tells a new version of its slot and its report each round, is acknowledged once durable, and hears the new total of all others.',
        'The region runs on a clock that this story moves on by a second a round, so nothing is idle and nothing waits; its evidence is real, recorded from a device that learned.',
        'Bytes are those of the JSON codec, telemetry of the child included; CPU through the codec counts both ends of the link, for they share the process.',
      ],
    };
  },
});

async function measureRegion(
  children: number,
  codec: boolean,
  rounds: number,
  script: Script,
): Promise<Cost> {
  const clock = { ms: 1_000_000 };
  // After what was recorded: evidence from the future is refused.
  const startMs = Date.now();
  const region = await createNode({
    name: 'region',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => clock.ms, wallMs: () => startMs + clock.ms },
      chance: systemChance(),
    },
  });
  await region.apply(POINT, BENCH);
  const heapBefore = heapUsed();
  const links = Array.from({ length: children }, (_, i) => uplink(`child-${i}`));
  // First word, and first slots: the children join.
  for (let i = 0; i < 2; i++) await round(region, links, script, i, clock, codec);
  const cpu: number[] = [];
  const before = bytesOf(links);
  for (let i = 2; i < rounds + 2; i++) {
    const used = process.cpuUsage();
    await round(region, links, script, i, clock, codec);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / children);
  }
  const after = bytesOf(links);
  const heapAfter = heapUsed();
  check(region, links, rounds);
  await region.close();
  return {
    children,
    codec,
    cpuUs: median(cpu),
    bytesUp: (after.up - before.up) / rounds / children,
    bytesDown: (after.down - before.down) / rounds / children,
    heapBytes: (heapAfter - heapBefore) / children,
  };
}

/** Everybody speaks once; the region acknowledges what is durable and does what is due. */
async function round(
  region: HostedNode,
  links: readonly Uplink[],
  script: Script,
  stage: number,
  clock: { ms: number },
  codec: boolean,
): Promise<void> {
  clock.ms += 1000;
  for (const [i, link] of links.entries()) {
    speak(link, script[stage], region, codec);
    // As messages that arrive one after the other: those of a hundred share a turn of the loop.
    if (i % 100 === 99) await turn();
  }
  region.tick();
  await turn();
}

/** The region must have taken what it was told, or its cost is of something else. */
function check(region: HostedNode, links: readonly Uplink[], rounds: number): void {
  const refused = Object.entries(region.nodes()[0].refused ?? {});
  if (refused.length > 0) throw new Error(`the region refused: ${refused.map(String).join('; ')}`);
  const silent = links.filter(({ acked, revisions }) => acked < rounds || revisions.size === 0);
  if (silent.length > 0) throw new Error(`${silent.length} children were not acknowledged or heard no total`);
}

/** The messages of a real device below another region, on the machine's own clock. */
async function scriptFor(stages: number): Promise<Script> {
  const parent = await memoryNode('region', 'cloud', true);
  await parent.apply(POINT, BENCH);
  const script = await recordScript(parent, stages);
  await parent.close();
  return script;
}

function bytesOf(links: readonly Uplink[]): { up: number; down: number } {
  return {
    up: links.reduce((sum, link) => sum + link.bytesUp, 0),
    down: links.reduce((sum, link) => sum + link.bytesDown, 0),
  };
}

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Reading and writing as much JSON once, as both ends do, µs. */
function textCost(times: number): (up: number, down: number) => number {
  return (up, down) =>
    [up, down].reduce((sum, bytes) => {
      const value = Array.from({ length: Math.max(1, Math.round(bytes / 25)) }, (_, i) => ({
        name: `n-${i}`,
        at: i / 7,
      }));
      const text = JSON.stringify(value).slice(0, 1) === '[' ? JSON.stringify(value) : '';
      const used = process.cpuUsage();
      for (let i = 0; i < times; i++) JSON.stringify(JSON.parse(text));
      const { user, system } = process.cpuUsage(used);
      return sum + ((user + system) / times) * (bytes / text.length);
    }, 0);
}
