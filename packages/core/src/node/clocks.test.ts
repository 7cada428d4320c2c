import { describe, expect, test } from 'vitest';
import { createNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import { type DownMessage, PROTOCOL, type UpMessage } from '../sync/messages.ts';

const me: Actor = { name: 'me', authority: '*' };
const WALL_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;

/** A device with a parent that is played by hand. */
async function device(wallStartMs = WALL_MS) {
  let word = 1;
  const clock = { monoMs: 1000, wallMs: wallStartMs };
  const node = await createNode({
    name: 'd1',
    tier: 'device',
    root: false,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => clock.monoMs, wallMs: () => clock.wallMs },
      chance: { uint32: () => word++ },
    },
  });
  const sent: UpMessage[] = [];
  const link = node.connectParent((up) => void sent.push(up));
  const pass = (ms: number, wallBy = ms): void => {
    clock.monoMs += ms;
    clock.wallMs += wallBy;
    node.tick();
  };
  let seq = 0;
  const answer = async (rest: Partial<DownMessage> = {}): Promise<void> => {
    link.receive({
      v: PROTOCOL,
      node: 'cloud',
      incarnation: 'x',
      session: 1,
      seq: ++seq,
      ack: 0,
      heard: sent.at(-1)!.seq,
      path: ['cloud'],
      leaseAgeMs: 0,
      treeMs: clock.wallMs,
      digest: node.state.durableDigest,
      controls: null,
      share: 0,
      bases: [],
      feedback: [],
      answers: [],
      ...rest,
    });
    for (let hop = 0; hop < 8; hop++) await undefined;
  };
  return { node, clock, pass, answer };
}

describe('a lease', () => {
  test('that was asked for before the wall clock was set back is void', async () => {
    const { node, pass, answer } = await device();
    pass(1000);
    pass(100, -5000);
    await answer();
    expect(node.nodes()[0].lease.state).toBe('none');
    pass(1000);
    await answer();
    expect(node.nodes()[0].lease.state).toBe('held');
  });

  test('so is one whose controls were on their way to the disk when it was', async () => {
    const { node, clock, pass, answer } = await device();
    pass(1000);
    const kill = { tag: 'cloud~x~1', subtree: 'cloud', reason: 'r', by: 'me', atMs: 1, scope: '*' };
    const controls = {
      kills: [kill],
      overrides: [],
      quarantines: [],
      removed: [],
      ranges: [],
      specs: [],
      resets: [],
    };
    const answered = answer({ controls, digest: 'their digest' });
    clock.wallMs -= 5000;
    await answered;
    expect(node.nodes()[0].lease.state).toBe('none');
  });
});

describe('tree time', () => {
  test.each([1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, -1, WALL_MS + 3 * DAY_MS])(
    'of %d is not taken from a parent',
    async (treeMs) => {
      const { node, pass, answer } = await device();
      pass(1000);
      await answer({ treeMs });
      pass(0);
      expect(node.state.moment.treeMs).toBeCloseTo(WALL_MS + 1000, -3);
      expect(node.nodes()[0].refused.implausible_tree_time).toBe(1);
    },
  );

  test('that is a little ahead is, and any is where the own clock was never set', async () => {
    const { node, pass, answer } = await device();
    pass(1000);
    await answer({ treeMs: WALL_MS + 3_600_000 });
    pass(0);
    expect(node.state.moment.treeMs).toBe(WALL_MS + 3_600_000);
    const unset = await device(60_000);
    unset.pass(1000);
    await unset.answer({ treeMs: WALL_MS });
    unset.pass(0);
    expect(unset.node.state.moment.treeMs).toBe(WALL_MS);
  });
});

test('a node that was stopped refuses what people say, and nothing of it is in force', async () => {
  const { node } = await device();
  await node.close();
  const asked = [
    node.kill({ scope: '*', reason: 'stop', by: me }),
    node.quarantine({ node: 'd1', reason: 'r', by: me }),
    node.apply({ point: 'p', arms: ['a'], fallback: 'a', policy: { kind: 'thompson' } }, me),
  ];
  for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'closed' });
  expect(node.state.controls.kills.size + node.state.controls.specs.size).toBe(0);
});
