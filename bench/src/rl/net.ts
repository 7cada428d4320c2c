import { createNode, type KindSpec, type PointSpec } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';
import { figure, type Goal, type Table } from '../lib/report.ts';
import { estimate, interval } from '../regret/estimates.ts';

const MARGIN = 0.05;
const MOST = 2000;
const ME = { name: 'bench', authority: '*' };

/** A short-sighted learner, and what an episode of two steps earns: plain 0.2; with the bait first, 0.3 now and `later` then. */
const spec: PointSpec = {
  point: 'p',
  arms: ['plain', 'bait'],
  fallback: 'plain',
  context: { step: { type: 'number', min: 0, max: 1 } },
  policy: { kind: 'q-learning', state: ['step'], gamma: 0, episode: { timeout: 400 } },
  objective: { range: [-1, 1] },
  attribution: { window: 500 },
  oversight: { lease: 'none' },
  guards: [{ kind: 'safety', metric: 'return', margin: MARGIN, share: '20%', range: [-1, 1] } as KindSpec],
};

interface Run {
  readonly caught: boolean;
  /** Episodes until then. */
  readonly episodes: number;
  /** Loss beyond the margin over all episodes of the policy. */
  readonly beyond: number;
  /** The truth was outside of what the net stated at some look. */
  readonly outside: boolean;
}

async function run(seed: number, plain: number, now: number, later: number): Promise<Run> {
  let ms = 1000;
  const random = stream(seed, 3);
  const chance = stream(seed, 4);
  const node = await createNode({
    name: 'cloud',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
      chance: { uint32: () => chance.integer(4294967296) },
    },
  });
  await node.apply(spec, ME);
  const fallen = () => node.point('p')?.spec.guards?.[0].fallen !== undefined;
  const loss = 2 * plain - now - later;
  let [episodes, treated, baits] = [0, 0, 0];
  let outside = false;
  while (!fallen() && episodes < MOST) {
    const names = Array.from({ length: 50 }, () => `e${episodes++}`);
    const decide = (step: number) =>
      names.map((name) => node.decide('p', { episode: name, context: { step } }));
    const noise = () => 0.1 * (2 * random.next() - 1);
    const first = decide(0);
    await node.feedback(
      first.map(({ id, arm }) => ({ id, reward: (arm === 'bait' ? now : plain) + noise() })),
    );
    const second = decide(1);
    await node.feedback(
      second.map(({ id }, i) => ({
        id,
        reward: (first[i].arm === 'bait' ? later : plain) + noise(),
        done: true,
      })),
    );
    for (const { stratum, arm } of first) {
      if (stratum !== '') continue;
      treated++;
      if (arm === 'bait') baits++;
    }
    ms += 1100;
    node.tick();
    const [, policy] = node.report('p').experiments?.[0]?.metrics[0].variants ?? [];
    const { low, high } = policy?.difference ?? {};
    if (typeof low === 'number' && typeof high === 'number') {
      const lost = (loss * baits) / treated;
      if (lost > -low || -lost > high) outside = true;
    }
  }
  return { caught: fallen(), episodes, beyond: Math.max(0, loss * baits - MARGIN * treated), outside };
}

/** Policies that lose, and one that does not, under the same net. */
export async function netTable(runs: number): Promise<{ table: Table; goals: Goal[] }> {
  const worlds = [
    { name: 'loses 0.4 an episode', world: [0.1, 0.3, -0.5] as const },
    { name: 'loses 0.15 an episode', world: [0.1, 0.3, -0.25] as const },
    { name: 'loses what the margin allows, 0.05', world: [0.1, 0.3, -0.15] as const },
    { name: 'loses nothing', world: [0.1, 0.1, 0.1] as const },
  ];
  const rows: string[][] = [];
  const wrong: number[] = [];
  let outside = 0;
  for (const [w, { name, world }] of worlds.entries()) {
    const all: Run[] = [];
    for (let seed = 1; seed <= runs; seed++) all.push(await run(seed, world[0], world[1], world[2]));
    const caught = all.filter((each) => each.caught);
    outside = Math.max(outside, all.filter((each) => each.outside).length / runs);
    if (w >= 2) wrong.push(caught.length / runs);
    rows.push([
      name,
      `${figure((100 * caught.length) / runs)} %`,
      caught.length < runs / 2
        ? '–'
        : interval(
            estimate(
              '',
              caught.map((each) => each.episodes),
            ),
          ),
      interval(
        estimate(
          '',
          all.map((each) => each.beyond),
        ),
      ),
      `${figure((100 * all.filter((each) => each.outside).length) / runs)} %`,
    ]);
  }
  return {
    table: {
      title: `The net: ${runs} runs of at most ${figure(MOST)} episodes, margin ${MARGIN}, a fifth to the baseline, α 5 %, looked at after every 50`,
      head: [
        '',
        'caught',
        'after episodes',
        'lost beyond the margin, in all',
        'the truth ever outside the interval',
      ],
      rows: [...rows, ['limit', '', '', '0', '0 %']],
    },
    goals: [
      {
        goal: 'a policy that keeps the margin is let go of in at most 5 % of runs',
        figure: `${figure(100 * Math.max(...wrong))} %`,
        met: Math.max(...wrong) <= 0.05,
      },
      {
        goal: 'what was lost lies within the stated interval at all times in at least 95 % of runs',
        figure: `${figure(100 * (1 - outside))} %`,
        met: outside <= 0.05,
      },
    ],
  };
}
