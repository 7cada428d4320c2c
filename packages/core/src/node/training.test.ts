import { expect, test } from 'vitest';
import type { PointSpec, TrainingSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { stream } from '../stats/random.ts';
import { byHand, drawnFrom, type HandNode, handNode, me, turns } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const HOUR = 3_600_000;

class World {
  readonly hand = byHand();
  node!: HandNode;
  async start(seed: number, disk?: MemoryDisk): Promise<HandNode> {
    const { hand } = this;
    this.node = await handNode({ hand, disk, chance: drawnFrom(stream(seed, hand.ms)) });
    return this.node;
  }
  async pass(ms: number): Promise<void> {
    this.node.pass(ms);
    await turns();
    this.node.tick();
  }
}

const point = (more: Partial<PointSpec>): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  oversight: { lease: 'none' },
  attribution: { window: '1m' },
  ...more,
});
const learned = (node: HostedNode): number => node.report('p').pooled.ownOutcomes;

/**
 * A loop that feeds on itself: whoever was shown an arm likes it better the next time (+0.4), and all that the learner
 * decides for are used to `a`, which was there before. By themselves people like `b` better, 60 of 100 to 45; shown to
 * everybody, b is worth 1 and a 0.85.
 */
async function habit(seed: number, training: TrainingSpec): Promise<{ b: number; gap: number }> {
  const world = new World();
  const node = await world.start(seed);
  const guards = [{ kind: 'holdout', share: 0.1 }];
  await node.apply(point({ guards, baseline: { kind: 'round-robin' }, training }), me);
  const random = stream(seed, 8);
  const fond = new Map<string, string>();
  let late = 0;
  for (let i = 0; i < 8000; i += 40) {
    const items = Array.from({ length: 40 }, () => {
      const unit = `u${random.integer(500)}`;
      const { id, arm, stratum } = node.decide('p', { unit });
      const used = stratum === '' ? (fond.get(unit) ?? 'a') : '';
      const rate = (arm === 'b' ? 0.6 : 0.45) + (used === arm ? 0.4 : 0);
      if (stratum === '') {
        fond.set(unit, String(arm));
        if (i >= 7000 && arm === 'b') late++;
      }
      return { id, reward: random.next() < rate ? 1 : 0 };
    });
    await node.feedback(items);
    await world.pass(1000);
  }
  const [a, b] = node.report('p').arms.map(({ reward }) => reward.mean ?? 0);
  return { b: late / 900, gap: b - a };
}

test('holding back what the learner caused takes the bias out of a loop that feeds on itself', async () => {
  const runs = async (training: TrainingSpec) => {
    const all: { b: number; gap: number }[] = [];
    for (let seed = 1; seed <= 8; seed++) all.push(await habit(seed, training));
    const mean = (of: (run: { b: number; gap: number }) => number) =>
      all.reduce((sum, run) => sum + of(run), 0) / all.length;
    return { b: mean((run) => run.b), gap: mean((run) => run.gap) };
  };
  const included = await runs({ selfCaused: 'include' });
  const heldBack = await runs({ selfCaused: 'holdBack' });
  // The truth is b − a = 0.15. What it sees of its own doing says the opposite, and it never finds out.
  expect(included.gap).toBeLessThan(0);
  expect(included.b).toBeLessThan(0.3);
  expect(heldBack.gap).toBeGreaterThan(0);
  expect(heldBack.b).toBeGreaterThan(0.9);
}, 60_000);

test('held back are outcomes of the policy’s own choice, and of no other', async () => {
  const world = new World();
  const node = await world.start(1);
  const guards = [
    { kind: 'holdout', share: 0.2 },
    { kind: 'exploration', floor: 0.3 },
  ];
  await node.apply(point({ guards, training: { selfCaused: 'holdBack' } }), me);
  const random = stream(3);
  const n = 4000;
  const items = Array.from({ length: n }, (_, i) => {
    const { id } = node.decide('p', { unit: `u${i}` });
    return { id, reward: random.integer(2) };
  });
  await node.feedback(items);
  const { training } = node.report('p');
  // A fifth is the holdout; of the others three in ten are explored.
  const expected = n * (0.2 + 0.8 * 0.3);
  expect(Math.abs((training?.others ?? 0) - expected)).toBeLessThan(4 * Math.sqrt(expected));
  expect(training).toMatchObject({ selfCaused: 'holdBack', caused: training?.heldBack, frozen: 0 });
  expect(learned(node)).toBe(training?.others);
  const taken = node.decide('p', { taken: { arm: 'a', propensity: 0.5 } });
  await node.feedback([{ id: taken.id, reward: 1 }]);
  expect(learned(node)).toBe((training?.others ?? 0) + 1);
});

test('a weight counts in part, and a correction takes exactly that back', async () => {
  const world = new World();
  const node = await world.start(1);
  await node.apply(
    point({
      arms: ['a', 'b'],
      policy: { kind: 'epsilon-greedy' },
      training: { selfCaused: { weight: 0.25 } },
    }),
    me,
  );
  const ids = Array.from({ length: 400 }, () => node.decide('p').id);
  await node.feedback(ids.map((id) => ({ id, reward: 1 })));
  const effective = () => node.report('p').arms.reduce((sum, { reward }) => sum + reward.n, 0);
  const all = effective();
  await node.feedback(ids.map((id) => ({ id, reward: 0, revision: 1 })));
  await world.pass(2000);
  expect(effective()).toBeCloseTo(all, 6);
  for (const { reward } of node.report('p').arms) expect(reward.mean ?? 0).toBeLessThan(0.1);
});

test('delayed outcomes teach once, an hour after the decision, also over a restart', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start(1, disk);
  const guards = [{ kind: 'holdout', share: 0.5 }];
  await node.apply(point({ guards, training: { selfCaused: { delay: '1h' } } }), me);
  const items = Array.from({ length: 200 }, (_, i) => ({
    id: node.decide('p', { unit: `u${i}` }).id,
    reward: i % 2,
  }));
  await node.feedback(items);
  const others = node.report('p').training?.others ?? 0;
  expect(others).toBeGreaterThan(60);
  expect(learned(node)).toBe(others);
  await world.pass(HOUR / 2);
  await node.close();
  node = await world.start(2, disk);
  expect(learned(node)).toBe(others);
  await world.pass(HOUR / 2 + 1000);
  await world.pass(1000);
  expect(learned(node)).toBe(200);
  await world.pass(1000);
  await node.close();
  node = await world.start(3, disk);
  await world.pass(HOUR);
  expect(learned(node)).toBe(200);
});

test('what falls due while the node is down teaches at the next start, and only then', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start(1, disk);
  const guards = [{ kind: 'holdout', share: 0.5 }];
  await node.apply(point({ guards, training: { selfCaused: { delay: '12h' } } }), me);
  // Of every other decision nothing was ever heard.
  const items = Array.from({ length: 200 }, (_, i) => ({
    id: node.decide('p', { unit: `u${i}` }).id,
    reward: 1,
  }));
  await node.feedback(items.filter((_, i) => i % 2 === 0));
  const { training } = node.report('p');
  expect(training?.caused).toBeGreaterThan(20);
  expect(learned(node)).toBe(training?.others);
  await world.pass(5 * 60_000);
  await node.close();
  // Long beyond window and correction, delay and all slack.
  for (const [stop, down] of [14 * HOUR, 40 * 24 * HOUR].entries()) {
    world.hand.ms += down;
    node = await world.start(2 + stop, disk);
    expect(learned(node)).toBe(stop === 0 ? training?.others : 100);
    await world.pass(HOUR);
    expect(learned(node)).toBe(100);
    await world.pass(1000);
    await node.close();
  }
});

test('beyond the bound of what is awaited, a sample of the delayed outcomes teaches for all', async () => {
  const world = new World();
  const node = await world.start(1);
  // An hour holds 360 decisions, the queue 64.
  await node.apply(point({ pending: 64, training: { selfCaused: { delay: '1h' } } }), me);
  for (let i = 0; i < 2000; i++) {
    const { id } = node.decide('p');
    await node.feedback([{ id, reward: i % 2 }]);
    await world.pass(10_000);
  }
  for (let i = 0; i < 70; i++) await world.pass(60_000);
  // 2^-3 is the first thinning that fits; the queue was thinned to it step by step in the beginning.
  expect(learned(node)).toBeGreaterThan(200);
  expect(learned(node)).toBeLessThan(320);
  // Each stands for eight, so that the arms know of all that were made.
  const taught = node.state.learners.get(node.state.points.get('p')?.learnerKey ?? '');
  const sums = JSON.stringify([...(taught?.slots.slots.values() ?? [])].map(({ heaviest }) => heaviest));
  expect(sums).toBe('[8]');
});

test('nights off: a device that is down for longer than the delay every night learns all of its days', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start(1, disk);
  await node.apply(point({ training: { selfCaused: { delay: '12h' } } }), me);
  for (let day = 1; day <= 4; day++) {
    for (let hour = 0; hour < 10; hour++) {
      const items = Array.from({ length: 5 }, () => ({ id: node.decide('p').id, reward: 1 }));
      await node.feedback(items);
      await world.pass(HOUR);
    }
    await node.close();
    world.hand.ms += 14 * HOUR;
    node = await world.start(1 + day, disk);
    await world.pass(60_000);
    expect(learned(node)).toBe(50 * day);
  }
});

test('an arm that a unit keeps was chosen by whoever chose it first, also over a restart', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start(1, disk);
  const guards = [{ kind: 'exploration', floor: 0.5 }];
  const spec = point({ guards, sticky: { for: '1d' }, training: { selfCaused: 'holdBack' } });
  await node.apply(spec, me);
  const units = Array.from({ length: 100 }, (_, i) => `u${i}`);
  const caused = async (): Promise<string[]> => {
    const own: string[] = [];
    const stop = node.subscribe((event) => {
      if (event.kind === 'outcome' && event.selfCaused === true) own.push(event.id);
    });
    const ids = units.map((unit) => node.decide('p', { unit }).id);
    await node.feedback(ids.map((id) => ({ id, reward: 1 })));
    await world.pass(1000);
    stop();
    return units.filter((_, i) => own.includes(ids[i]));
  };
  const first = await caused();
  expect(first.length).toBeGreaterThan(20);
  expect(first.length).toBeLessThan(90);
  expect(await caused()).toEqual(first);
  await node.close();
  node = await world.start(2, disk);
  expect(await caused()).toEqual(first);
  expect(node.decide('p', { unit: 'u1' }).reason).toBe('sticky');
});
