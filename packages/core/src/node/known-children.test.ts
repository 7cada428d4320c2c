import { expect, test } from 'vitest';
import { byHand, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const spec = (oversight: object) => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  oversight,
});

/** A root that has had two children, one of which never comes back. */
async function family(oversight: object = { lease: '30s' }) {
  const disk = memoryDisk();
  const hand = byHand();
  const start = () => handNode({ hand, disk });
  const node = await start();
  await node.apply(spec(oversight), me);
  spokenChild(node, 'retired');
  const living = spokenChild(node, 'living');
  await settle([node], 1000, 100);
  return {
    node,
    async stay(forMs: number): Promise<void> {
      for (let left = forMs; left > 0; left -= HOUR) {
        living.say();
        await settle([node], HOUR, HOUR);
      }
    },
    setWall: (byMs: number): void => void (hand.bootMs += byMs),
    async restart(): Promise<HandNode> {
      disk.crash();
      return start();
    },
  };
}

/** Whether a restarted root grants a lease to the child that has told it everything, before the grace is over. */
async function grantsTo(node: HandNode): Promise<boolean> {
  const living = spokenChild(node, 'living', 'x2');
  await settle([node], 2000, 100);
  return (
    living.say({ digest: node.state.durableDigest, joined: node.state.durableDigest }).leaseAgeMs !== null
  );
}

test('a restarted root waits for a child that was there lately', async () => {
  const { restart } = await family();
  expect(await grantsTo(await restart())).toBe(false);
});

test('but not for one that was away for 30 days, nor does it name it any more', async () => {
  const { node, stay, restart } = await family();
  await stay(29 * DAY);
  expect([...node.state.knownChildren.keys()].sort()).toEqual(['living', 'retired']);
  await stay(2 * DAY);
  expect([...node.state.knownChildren.keys()]).toEqual(['living']);
  expect(await grantsTo(await restart())).toBe(true);
});

test('days are those that this node has run: a clock set wrong makes nobody absent, and restarts take nothing away', async () => {
  const { restart, setWall } = await family();
  setWall(400 * DAY);
  const once = await restart();
  expect(once.state.knownChildren.has('retired')).toBe(true);
  await settle([once], 20 * DAY, HOUR);
  const twice = await restart();
  await settle([twice], 9 * DAY, HOUR);
  expect(twice.state.knownChildren.has('retired')).toBe(true);
  await settle([twice], 2 * DAY, HOUR);
  expect(twice.state.knownChildren.has('retired')).toBe(false);
});

test('one that comes back is known and waited for again', async () => {
  const { node, stay, restart } = await family();
  await stay(40 * DAY);
  spokenChild(node, 'retired', 'x9');
  await settle([node], 1000, 100);
  expect(await grantsTo(await restart())).toBe(false);
});

test('where a point goes on without a lease, it is waited for no more, and still named: unbounded', async () => {
  const { node, stay, restart } = await family({ lease: '30s', onExpiry: 'continue' });
  await stay(40 * DAY);
  await node.kill({ scope: 'point:p', reason: 'bad', by: me });
  const [kill] = node.controls().kills;
  expect(kill.acknowledgements.find((each) => each.node === 'retired')?.state).toBe('unbounded');
  expect(await grantsTo(await restart())).toBe(true);
});
