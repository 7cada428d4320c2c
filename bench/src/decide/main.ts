/** `npm run bench -- decide`: what one decision costs, beside those who decide something in the same place. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostNode } from '@ganglion/server';
import { BENCH, POINT, teach } from '../lib/point.ts';
import { figure, type Goal, ratio } from '../lib/report.ts';
import { type Sample, sampleAll } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { heapGrowth } from './heap.ts';
import { startPeers } from './peers.ts';
import { awaitedNoop, bareLimit, breakerAlone, ganglion } from './subjects.ts';

const FULL = 'Ganglion: full pipeline, record kept';

await tell({
  name: 'decide',
  title: 'One decision',
  help: 'Five guards, Thompson sampling over ten arms with evidence, units, contexts; the record kept in a hosted node.',
  async measure({ quick, say }) {
    const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
    const node = await hostNode({ name: 'bench', tier: 'cloud', root: true });
    const journaled = await hostNode({ name: 'journal', tier: 'cloud', root: true, dataDir: folder });
    const peers = await startPeers();
    try {
      for (const each of [node, journaled]) {
        await each.apply(POINT, BENCH);
        await teach(each);
      }
      say('every subject in turn');
      const samples = await sampleAll(
        [
          ganglion(FULL, node),
          ganglion('Ganglion: the same, journaled in SQLite', journaled),
          ...peers.subjects.slice(0, 3),
          breakerAlone(),
          ...peers.subjects.slice(3),
          awaitedNoop,
          bareLimit(),
        ],
        quick ? 2 : 9,
        quick ? 100 : 400,
      );
      say('heap over many decisions');
      const heap = await heapGrowth(node, quick ? 1_000_000 : 10_000_000);
      return {
        tables: [table(samples), heap.table],
        goals: [...goals(samples), heap.goal],
        notes: [
          'CPU is that of the whole process, the collector’s threads included; decisions a second and core are 10⁹ / CPU ns.',
          'p99 is of calls timed one by one, less the cost of the clock. On a machine with other work it counts that work too.',
          'The breaker rows await the same empty call. Ours reads the clock twice, for it measures windows; cockatiel’s consecutive breaker reads none.',
          'OpenFeature’s in-memory provider evaluates a flag with a context evaluator; Unleash a gradual rollout with one constraint; GrowthBook a targeted experiment of ten variations. None of them learns.',
          'Unleash and ours are within a tenth of each other, and which is ahead has changed with the load of the machine: one rollout and one constraint there, five guards, a draw over ten arms and a kept record here.',
        ],
      };
    } finally {
      await peers.close();
      await node.close();
      await journaled.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

function table(samples: readonly Sample[]) {
  const [full] = samples;
  return {
    title: '',
    head: ['', 'median ns', 'p99 ns', 'CPU ns', 'a second and core', 'CPU beside ours'],
    rows: samples.map((s) => [
      s.name,
      figure(s.medianNs),
      figure(s.p99Ns),
      figure(s.cpuNs),
      figure(1e9 / s.cpuNs),
      ratio(s.cpuNs, full.cpuNs),
    ]),
  };
}

function goals(samples: readonly Sample[]): Goal[] {
  const [full] = samples;
  const slower = ['Unleash', 'GrowthBook', 'OpenFeature'].map((name) => {
    const peer = samples.find((s) => s.name.startsWith(name))!;
    return {
      goal: `faster than ${peer.name}`,
      figure: `${figure(full.medianNs)} to ${figure(peer.medianNs)} ns`,
      met: full.medianNs < peer.medianNs,
    };
  });
  return [
    { goal: 'median ≤ 1 µs', figure: `${figure(full.medianNs)} ns`, met: full.medianNs <= 1000 },
    {
      goal: '≥ 1 million a second on one core',
      figure: figure(1e9 / full.cpuNs),
      met: full.cpuNs <= 1000,
    },
    ...slower,
  ];
}
