import { describe, expect, test } from 'vitest';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { BOOT_MS, byHand, handNode, me, turns } from '../testing/hand-node.ts';
import { downMessage } from '../testing/spoken-parent.ts';

const DAY_MS = 86_400_000;

/** A device with a parent that is played by hand. */
async function device(bootMs = BOOT_MS) {
  const hand = byHand({ ms: 0, bootMs });
  const node = await handNode({ name: 'd1', hand });
  const sent: UpMessage[] = [];
  const link = node.connectParent((up) => void sent.push(up));
  const setWall = (byMs: number): void => void (hand.bootMs += byMs);
  let seq = 0;
  const answer = async (rest: Partial<DownMessage> = {}): Promise<void> => {
    const heard = sent.at(-1)!.seq;
    const { durableDigest: digest } = node.state;
    const treeMs = hand.bootMs + hand.ms;
    link.receive(downMessage({ seq: ++seq, heard, leaseAgeMs: 0, treeMs, digest, ...rest }));
    await turns();
  };
  return { node, pass: node.pass, setWall, answer };
}

describe('a lease', () => {
  test('that was asked for before the wall clock was set back is void', async () => {
    const { node, pass, setWall, answer } = await device();
    pass(1000);
    setWall(-5100);
    pass(100);
    await answer();
    expect(node.nodes()[0].lease.state).toBe('none');
    pass(1000);
    await answer();
    expect(node.nodes()[0].lease.state).toBe('held');
  });

  test('so is one whose controls were on their way to the disk when it was', async () => {
    const { node, pass, setWall, answer } = await device();
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
    setWall(-5000);
    await answered;
    expect(node.nodes()[0].lease.state).toBe('none');
  });
});

describe('tree time', () => {
  test.each([1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, -1, BOOT_MS + 3 * DAY_MS])(
    'of %d is not taken from a parent',
    async (treeMs) => {
      const { node, pass, answer } = await device();
      pass(1000);
      await answer({ treeMs });
      pass(0);
      expect(node.state.moment.treeMs).toBeCloseTo(BOOT_MS + 1000, -3);
      expect(node.nodes()[0].refused.implausible_tree_time).toBe(1);
    },
  );

  test('that is a little ahead is, and any is where the own clock was never set', async () => {
    const { node, pass, answer } = await device();
    pass(1000);
    await answer({ treeMs: BOOT_MS + 3_600_000 });
    pass(0);
    expect(node.state.moment.treeMs).toBe(BOOT_MS + 3_600_000);
    const unset = await device(60_000);
    unset.pass(1000);
    await unset.answer({ treeMs: BOOT_MS });
    unset.pass(0);
    expect(unset.node.state.moment.treeMs).toBe(BOOT_MS);
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
