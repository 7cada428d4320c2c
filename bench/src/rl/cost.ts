import { createNode, type HostedNode, type PointSpec } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';
import { figure, type Table } from '../lib/report.ts';
import { ours } from './drive.ts';
import { cliff, type Process } from './problems.ts';

const context = { at: { type: 'number', min: 0, max: 47 } } as const;

const points: readonly (readonly [string, PointSpec['policy']])[] = [
  ['q-learning, ε-greedy', { kind: 'q-learning', state: ['at'] }],
  ['q-learning, posterior, 16 members', { kind: 'q-learning', state: ['at'], explore: 'posterior' }],
  ['epsilon-greedy, no sequence', { kind: 'epsilon-greedy' }],
  ['limit: fixed', { kind: 'fixed', arm: 'a' }],
];

/** What a decision costs, and what it takes to solve for Q, in turns, medians of the rounds. */
export async function costTable(quick: boolean): Promise<Table> {
  const nodes = await Promise.all(points.map(([, policy]) => nodeWith(policy)));
  const units = Array.from({ length: 4096 }, (_, i) => `u${i}`);
  const each = quick ? 20_000 : 100_000;
  const rounds: number[][] = points.map(() => []);
  for (let round = 0; round < (quick ? 3 : 15); round++)
    nodes.forEach((node, i) => {
      const input = { context: { at: 0 }, unit: '' };
      const begin = performance.now();
      for (let k = 0; k < each; k++) {
        input.context.at = k % 48;
        input.unit = units[k & 4095];
        node.decide('p', input);
      }
      rounds[i].push(((performance.now() - begin) * 1e6) / each);
    });
  const views = [solving({}), solving({ explore: 'posterior' }), undefined, undefined];
  return {
    title:
      'Cost: whole decisions at a point of 48 states and 4 arms, 4,096 episodes under way; a view solved anew',
    head: ['', 'median ns a decision', 'ms a view'],
    rows: points.map(([name], i) => {
      const ms = views[i];
      return [name, figure(median(rounds[i])), ms === undefined ? '–' : figure(ms)];
    }),
  };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

async function nodeWith(policy: PointSpec['policy']): Promise<HostedNode> {
  const random = stream(1);
  const node = await createNode({
    name: 'n',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      chance: { uint32: () => random.integer(4294967296) },
    },
  });
  const me = { name: 'bench', authority: '*' };
  await node.apply({ point: 'p', arms: ['a', 'b', 'c', 'd'], fallback: 'a', context, policy }, me);
  return node;
}

/** Cliff walking after 5,000 random steps: most of what leads anywhere is known. */
function solving(options: object): number {
  const agent = ours(cliff as Process, { gamma: 0.99, ...options }, 1);
  const random = stream(2);
  let state = cliff.start;
  agent.begin();
  for (let step = 0; step < 5000; step++) {
    const arm = random.integer(4);
    const [way] = cliff.ways(state, arm);
    agent.see(state, arm, way.reward, way.to);
    state = way.to < 0 ? cliff.start : way.to;
    if (way.to < 0) agent.begin();
  }
  const arms = Array.from({ length: 4 }, (_, a) => ({ id: `arm-${a}`, key: `arm-${a}#0` }));
  const at = { arms, nowMs: 0, baseline: undefined, margin: 0, seed: 1 };
  const times = Array.from({ length: 15 }, () => {
    const begin = performance.now();
    agent.policy.view(agent.own(), agent.policy.evidence.zero(), at, undefined);
    return performance.now() - begin;
  });
  return median(times);
}
