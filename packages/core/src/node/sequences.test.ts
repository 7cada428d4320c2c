import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import {
  endOf,
  OWN,
  rewardOf,
  type Transitions,
  type TransitionsEvidence,
  weightOf,
} from '../learners/transitions.ts';
import type { HostedNode } from '../node.ts';
import type { DecideInput } from '../node-api.ts';
import type { QView } from '../policies/q-learning.ts';
import { stream } from '../stats/random.ts';
import { sumOwn } from '../sync/slots.ts';
import { byHand, drawnFrom, handNode, me } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const spec = (policy: object = {}, more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'walk',
  arms: ['left', 'right'],
  fallback: 'left',
  context: { at: { type: 'number', min: 0, max: 4 } },
  policy: { kind: 'q-learning', state: ['at'], ...policy },
  attribution: { window: '1h' },
  oversight: { lease: 'none' },
  ...more,
});

async function world(declared: PointSpec = spec(), disk?: MemoryDisk) {
  const hand = byHand({ chance: drawnFrom(stream(5, 6)) });
  const open = () => handNode({ hand, disk });
  const node = await open();
  await node.apply(declared, me);
  return { node, hand, open };
}

const at = (state: number, episode?: string): DecideInput => ({ context: { at: state }, episode });

/** What is known of a state and arm: over both halves, in units of the reward (the range is [0, 1]). */
function known(node: HostedNode, state: number, arm: string) {
  const point = node.state.points.get('walk')!;
  const evidence = point.compiled.policy.evidence as TransitionsEvidence;
  const own = sumOwn(node.state.learners.get(point.learnerKey)!.slots) as Transitions;
  const row = own.arms.get(`${arm}#0`);
  const cell = (i: number): number =>
    row === undefined ? 0 : row[evidence.at(0, state) + i] + row[evidence.at(1, state) + i];
  const { steps, states } = evidence;
  return {
    own: row?.[OWN] ?? 0,
    counts: Array.from({ length: steps }, (_, k) => cell(weightOf(k))),
    earned: Array.from({ length: steps }, (_, k) => cell(rewardOf(k))),
    ended: cell(endOf(steps)),
    led: Array.from({ length: states }, (_, s) => cell(endOf(steps) + 1 + s)),
  };
}

describe('an episode', () => {
  test('closes a transition with the next decision of it, whoever else decides in between', async () => {
    const { node } = await world();
    const first = node.decide('walk', at(1, 'a'));
    node.decide('walk', at(4, 'b'));
    const second = node.decide('walk', at(2, 'a'));
    await node.feedback([
      { id: second.id, reward: 0.5, done: true },
      { id: first.id, reward: 0.25 },
    ]);
    expect(known(node, 1, first.arm!)).toMatchObject({
      counts: [1],
      earned: [0.25],
      led: [0, 0, 1, 0, 0, 0],
    });
    expect(known(node, 2, second.arm!)).toMatchObject({ counts: [1], earned: [0.5], ended: 1 });
  });

  test('is the unit where none is named, and without either the decision alone: nothing comes next', async () => {
    const { node } = await world();
    const [a, b] = [1, 2].map((s) => node.decide('walk', { context: { at: s }, unit: 'u' }));
    const [c, d] = [3, 4].map((s) => node.decide('walk', at(s)));
    await node.feedback([a, b, c, d].map(({ id }) => ({ id, reward: 1 })));
    expect(known(node, 1, a.arm!).led).toEqual([0, 0, 1, 0, 0, 0]);
    expect(known(node, 3, c.arm!)).toMatchObject({ counts: [1], ended: 1, led: [0, 0, 0, 0, 0, 0] });
    expect(node.state.points.get('walk')!.episodes!.alone).toBe(2);
  });

  test('of one decision that names neither episode nor unit teaches what is earned at once', async () => {
    const { node, hand } = await world(spec({ epsilon: 0.5 }));
    for (let i = 0; i < 60; i++) {
      const { id, arm } = node.decide('walk', at(3));
      await node.feedback([{ id, reward: arm === 'right' ? 1 : 0 }]);
    }
    hand.ms += 2000;
    node.tick();
    expect(node.decide('walk', at(3)).proposed).toBe('right');
    const { own, ended } = known(node, 3, 'right');
    expect(ended).toBe(own);
    const { values } = node.state.points.get('walk')!.view.current as QView;
    // The mean, with what is not known as one outcome of 0.
    expect(values[0][3 * 2 + 1]).toBeCloseTo(own / (own + 1), 12);
  });

  test('of one decision teaches the same after a restart, and its silence nothing more', async () => {
    const learned = async (restart: boolean) => {
      const disk = memoryDisk();
      const declared = spec({ episode: { timeout: '10s', onSilence: 'ends' } });
      const { node, hand, open } = await world(declared, disk);
      const [told, late] = [2, 3].map((s) => node.decide('walk', at(s)));
      await node.feedback([{ id: told.id, reward: 0.5 }]);
      let now = node;
      if (restart) {
        await node.close();
        now = await open();
      }
      expect(now.state.points.get('walk')!.episodes!.open.size).toBe(0);
      await now.feedback([{ id: late.id, reward: 1 }]);
      hand.ms += 11_000;
      now.tick();
      const result = [known(now, 2, told.arm!), known(now, 3, late.arm!)];
      await now.close();
      return result;
    };
    const [live, again] = [await learned(false), await learned(true)];
    expect(live[0]).toMatchObject({ counts: [1], earned: [0.5], ended: 1 });
    expect(live[1]).toMatchObject({ counts: [1], earned: [1], ended: 1 });
    expect(again).toEqual(live);
  });

  test('sums up n steps, in whatever order their outcomes come, and what comes after the end is nothing', async () => {
    const { node } = await world(spec({ n: 3 }));
    const path = [0, 1, 2, 3].map((s) => node.decide('walk', at(s, 'e')));
    const told = path.map(({ id }, i) => ({ id, reward: (i + 1) / 10, done: i === 3 }));
    for (const item of [told[2], told[3], told[0], told[1]]) await node.feedback([item]);
    const [s0, s1, s2, s3] = path.map(({ arm }, s) => known(node, s, arm!));
    const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(12)));
    expect(rounded(s0.earned)).toEqual([0.1, 0.2, 0.3]);
    expect(s0.led).toEqual([0, 0, 0, 1, 0, 0]);
    expect(rounded(s1.earned)).toEqual([0.2, 0.3, 0.4]);
    expect([s1.ended, s2.ended, s3.ended]).toEqual([1, 1, 1]);
    expect([rounded(s2.earned), s2.counts]).toEqual([
      [0.3, 0.4, 0],
      [1, 1, 1],
    ]);
    expect([rounded(s3.earned), s3.counts]).toEqual([
      [0.4, 0, 0],
      [1, 1, 1],
    ]);
  });

  test('ends once: a repeat is a duplicate, a correction takes the end back, and the next decision begins anew', async () => {
    const { node } = await world();
    const last = node.decide('walk', at(1, 'a'));
    const tell = (item: object) => node.feedback([{ id: last.id, ...item }]);
    await tell({ reward: 1, done: true });
    expect((await tell({ reward: 1, done: true }))[0].status).toBe('duplicate');
    expect(known(node, 1, last.arm!).ended).toBe(1);
    const next = node.decide('walk', at(3, 'a'));
    await node.feedback([{ id: next.id, reward: 0 }]);
    expect(known(node, 1, last.arm!).led).toEqual([0, 0, 0, 0, 0, 0]);
    await tell({ done: false, revision: 1 });
    expect(known(node, 1, last.arm!)).toMatchObject({ ended: 0, counts: [1] });
  });

  test('cannot end before its last decision: that is an error that says what to do', async () => {
    const { node } = await world();
    const first = node.decide('walk', at(1, 'a'));
    node.decide('walk', at(2, 'a'));
    const [told] = await node.feedback([{ id: first.id, reward: 1, done: true }]);
    expect(told).toMatchObject({ status: 'rejected', problem: { code: 'invalid_input', field: 'done' } });
    const [odd] = await node.feedback([{ id: first.id, done: 'yes' as never }]);
    expect(odd).toMatchObject({ status: 'rejected', problem: { field: 'done' } });
    const [beyond] = await node.feedback([{ id: first.id, reward: 7 }]);
    expect(beyond).toMatchObject({ status: 'rejected', problem: { field: 'reward' } });
    expect(known(node, 1, first.arm!).own).toBe(0);
  });

  test('that falls silent ends where silence is the end, and is cut off where nobody knows', async () => {
    for (const onSilence of ['ends', 'breaks']) {
      const { node, hand } = await world(spec({ episode: { timeout: '10s', onSilence } }));
      const last = node.decide('walk', at(1, 'a'));
      await node.feedback([{ id: last.id, reward: 1 }]);
      hand.ms += 10_500;
      node.tick();
      expect(known(node, 1, last.arm!).ended).toBe(onSilence === 'ends' ? 1 : 0);
      const next = node.decide('walk', at(2, 'a'));
      await node.feedback([{ id: next.id, reward: 1 }]);
      expect(known(node, 1, last.arm!).led).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  test('is not strung across what a person decided: what led there is in no context', async () => {
    const { node } = await world();
    await node.override({ point: 'walk', arm: 'right', reason: 'look', segment: { at: 2 }, by: me });
    const path = [1, 2, 3].map((s) => node.decide('walk', at(s, 'a')));
    expect(path[1].reason).toBe('override');
    await node.feedback(path.map(({ id }) => ({ id, reward: 1 })));
    expect(known(node, 1, path[0].arm!).led).toEqual([0, 0, 0, 0, 0, 0]);
    expect(known(node, 2, 'right')).toMatchObject({ counts: [0], led: [0, 0, 0, 0, 0, 0] });
  });

  test('is bounded in number and in length', async () => {
    const { node } = await world(spec({ episode: { most: 2, horizon: 2 } }));
    const point = node.state.points.get('walk')!;
    for (const name of ['a', 'b', 'c']) node.decide('walk', at(1, name));
    expect([point.episodes!.open.size, point.episodes!.crowded]).toEqual([2, 1]);
    const path = [1, 2, 3].map((s) => node.decide('walk', at(s, 'long')));
    await node.feedback(path.map(({ id }) => ({ id, reward: 1 })));
    expect(known(node, 2, path[1].arm!).led).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('goes on after a restart, with what was decided before it', async () => {
    const disk = memoryDisk();
    const { node, hand, open } = await world(spec(), disk);
    const first = node.decide('walk', at(1, 'a'));
    const over = node.decide('walk', at(4, 'b'));
    await node.feedback([{ id: over.id, reward: 1, done: true }]);
    await node.close();
    hand.ms += 1000;
    const again = await open();
    const second = again.decide('walk', at(2, 'a'));
    const other = again.decide('walk', at(2, 'b'));
    await again.feedback([first, second, other].map(({ id }) => ({ id, reward: 1 })));
    expect(known(again, 1, first.arm!).led).toEqual([0, 0, 1, 0, 0, 0]);
    expect(known(again, 4, over.arm!)).toMatchObject({ ended: 1, led: [0, 0, 0, 0, 0, 0] });
    await again.close();
  });
});

test('an unknown state is one of its own, and an absent field too', async () => {
  const { node } = await world();
  const lost = node.decide('walk', { episode: 'a' });
  expect(lost.reason).toBe('policy');
  await node.feedback([{ id: lost.id, reward: 1 }]);
  expect(known(node, 5, lost.arm!).counts).toEqual([1]);
});

test.each([
  [{ state: ['nowhere'] }, 'policy.state[0].field'],
  [{ state: undefined }, 'policy.state'],
  [{ state: [{ field: 'at', edges: [2, 1] }] }, 'policy.state[0].edges[1]'],
  [{ state: [{ field: 'at', bins: 600 }] }, 'policy.state[0].bins'],
  [{ state: [{ field: 'at', bins: 150 }] }, 'policy.state'],
  [{ gamma: 1 }, 'policy.gamma'],
  [{ gamma: 1.1 }, 'policy.gamma'],
  [{ n: 0 }, 'policy.n'],
  [{ epsilon: '5%', explore: 'softmax' }, 'policy.epsilon'],
  [{ explore: 'posterior', estimator: 'double' }, 'policy.estimator'],
  [{ episode: { timeout: '2h', onSilence: 'ends' } }, 'policy.episode.timeout'],
])('%j is refused by name', async (policy, field) => {
  const { node } = await world();
  await expect(node.apply(spec(policy), me)).rejects.toMatchObject({ code: 'invalid_spec', field });
});
