import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { stream } from '../stats/random.ts';
import { drawnFrom, handNode, me } from '../testing/hand-node.ts';

const RANGE = [-0.6, 0.6];
const MARGIN = 0.05;

/** Short-sighted on purpose: it takes what pays at once. */
const spec = (net: object = {}, more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms: ['plain', 'bait'],
  fallback: 'plain',
  context: { step: { type: 'number', min: 0, max: 1 } },
  policy: { kind: 'q-learning', state: ['step'], gamma: 0, episode: { timeout: 400 } },
  objective: { range: [-1, 1] },
  attribution: { window: 500 },
  oversight: { lease: 'none' },
  guards: [
    { kind: 'safety', metric: 'return', margin: MARGIN, share: 0.5, range: RANGE, ...net } as KindSpec,
  ],
  ...more,
});

/** What the second step of an episode earns after its first arm: here lies what the learner does not see. */
type World = Readonly<Record<string, readonly [number, number]>>;
const TRAP: World = { plain: [0.1, 0.1], bait: [0.3, -0.5] };
const SAME: World = { plain: [0.1, 0.1], bait: [0.1, 0.1] };

async function start(seed: number, declared: PointSpec, world: World) {
  const random = stream(seed, 3);
  const node = await handNode({ chance: drawnFrom(stream(seed, 4)) });
  await node.apply(declared, me);
  let episode = 0;
  const treated = { episodes: 0, baits: 0 };
  const noise = () => 0.1 * (2 * random.next() - 1);
  return {
    node,
    /** Episodes that the policy decided, and how many it began with the bait. */
    treated,
    guard: (): Record<string, unknown> => node.point('p')?.spec.guards?.[0] as KindSpec,
    pass: node.pass,
    /** So many episodes of two steps at a time, until the net has caught the policy; how many there were. */
    async run(most: number, done: () => boolean = () => false): Promise<number> {
      let count = 0;
      for (; count < most && !done(); count += 25) {
        const names = Array.from({ length: 25 }, () => `e${episode++}`);
        const at = (step: number) => (name: string) => node.decide('p', { episode: name, context: { step } });
        const first = names.map(at(0));
        for (const { stratum, arm } of first) {
          if (stratum !== '') continue;
          treated.episodes++;
          if (arm === 'bait') treated.baits++;
        }
        await node.feedback(first.map(({ id, arm }) => ({ id, reward: world[arm!][0] + noise() })));
        const second = names.map(at(1));
        await node.feedback(
          second.map(({ id }, i) => ({ id, reward: world[first[i].arm!][1] + noise(), done: true })),
        );
        node.pass(1100);
      }
      return count;
    },
  };
}

const RUNS = 200;

describe('a net under a policy', () => {
  test('whose learner is deceived catches it, and what was lost until then lies within the stated bound', async () => {
    let beyond = 0;
    let caught = 0;
    for (let seed = 0; seed < RUNS; seed++) {
      const world = await start(seed, spec(), TRAP);
      let outside = false;
      await world.run(2000, () => {
        if (world.guard().fallen !== undefined) return true;
        const [, policy] = world.node.report('p').experiments?.[0]?.metrics[0].variants ?? [];
        const { low, high } = policy?.difference ?? {};
        const { episodes, baits } = world.treated;
        // The truth: who starts with the bait earns −0.2 instead of 0.2.
        const lost = (0.4 * baits) / episodes;
        if (typeof low === 'number' && typeof high === 'number')
          if (lost > -low || lost - MARGIN > high - low) outside = true;
        return false;
      });
      if (world.guard().fallen !== undefined) caught++;
      if (outside) beyond++;
    }
    expect(caught).toBe(RUNS);
    expect(beyond / RUNS).toBeLessThanOrEqual(0.05);
  }, 120_000);

  test('that is as good as the baseline lets go of it in at most 5 % of all runs, however often it is looked at', async () => {
    let fell = 0;
    for (let seed = 0; seed < RUNS; seed++) {
      const world = await start(seed, spec({ margin: 0, range: undefined }), SAME);
      await world.run(500, () => world.guard().fallen !== undefined);
      if (world.guard().fallen !== undefined) fell++;
    }
    expect(fell / RUNS).toBeLessThanOrEqual(0.05);
  }, 120_000);

  test('once it has caught it, everybody gets the baseline, and it is in the audit', async () => {
    const { node, run, guard } = await start(1, spec(), TRAP);
    await run(2000, () => guard().fallen !== undefined);
    expect(guard()).toMatchObject({ falls: 1 });
    expect(String(guard().fallen)).toMatch(/^return is -0\.\d+ \[.*beyond the margin of 0\.05$/);
    const decisions = Array.from({ length: 50 }, (_, i) => node.decide('p', { episode: `after-${i}` }));
    expect(new Set(decisions.map(({ arm, stratum, reason }) => [arm, stratum, reason].join()))).toEqual(
      new Set(['plain,safety:fallen,baseline']),
    );
    expect(node.audit()[0]).toMatchObject({ action: 'safety.catch', by: 'safety' });
  });

  test('it comes back after a while, as often as declared, and then only by a person', async () => {
    const { node, run, guard, pass } = await start(2, spec({ retry: { after: '1h', most: 1 } }), TRAP);
    await run(4000, () => guard().fallen !== undefined);
    pass(1100);
    pass(3_500_000);
    expect(guard().fallen).toBeDefined();
    pass(101_000);
    pass(1100);
    expect(guard()).toMatchObject({ falls: 1 });
    expect(guard().fallen).toBeUndefined();
    // Counted anew: what was known of it before does not catch it again.
    expect(node.report('p').experiments?.[0]).toMatchObject({ phase: 1, alpha: 0.025 });
    await run(4000, () => guard().fallen !== undefined);
    expect(guard()).toMatchObject({ falls: 2 });
    for (let hours = 0; hours < 5; hours++) pass(3_700_000);
    expect(guard().fallen).toBeDefined();
    await node.apply(spec({ generation: 1 }), me);
    expect(node.decide('p', { episode: 'x' }).stratum).not.toBe('safety:fallen');
  });

  test('counts whole episodes only, each for the stratum that it was decided in', async () => {
    const { node, pass } = await start(3, spec({ share: 0.001 }), SAME);
    const tell = (id: string, reward: number, done = false) => node.feedback([{ id, reward, done }]);
    for (const name of ['whole', 'gap', 'silent']) {
      const first = node.decide('p', { episode: name });
      await tell(first.id, 0.25);
      const second = node.decide('p', { episode: name });
      if (name === 'whole') await tell(second.id, 0.125, true);
      else if (name === 'silent') await tell(second.id, 0.0625);
    }
    // One that names neither episode nor unit is whole by itself.
    await tell(node.decide('p').id, 0.5);
    for (let i = 0; i < 6; i++) pass(300);
    const [, policy] = node.report('p').experiments?.[0]?.metrics[0].variants ?? [];
    expect(policy?.mean).toMatchObject({ n: 3, mean: (0.375 + 0.3125 + 0.5) / 3 });
  });
});

test.each([
  [{ margin: undefined }, {}, 'guards[0].margin'],
  [{ margin: -1 }, {}, 'guards[0].margin'],
  [{ range: [1, 0] }, {}, 'guards[0].range'],
  [{ share: 0 }, {}, 'guards[0].share'],
  [{ retry: {} }, {}, 'guards[0].retry.after'],
  [{}, { policy: { kind: 'thompson' } }, 'policy.kind'],
  [{}, { policy: { kind: 'q-learning', state: [] } }, 'policy.episode.timeout'],
])('%j with %j is refused by name', async (net, more, field) => {
  await expect(start(1, spec(net, more), SAME)).rejects.toMatchObject({ code: 'invalid_spec', field });
});
