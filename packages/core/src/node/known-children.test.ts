import { expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const me: Actor = { name: 'me', authority: '*' };
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
  let ms = 1000;
  let wall = 1_700_000_000_000;
  let word = 1;
  const start = (): Promise<HostedNode> =>
    createNode({
      name: 'cloud',
      tier: 'cloud',
      root: true,
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => wall + ms },
        chance: { uint32: () => word++ },
        storage: disk.open(),
      },
    });
  const pass = async (
    node: HostedNode,
    forMs: number,
    stepMs: number,
    each = (): void => {},
  ): Promise<void> => {
    for (const end = ms + forMs; ms < end; ) {
      ms += stepMs;
      each();
      node.tick();
      for (let i = 0; i < 12; i++) await undefined;
    }
  };
  const node = await start();
  await node.apply(spec(oversight), me);
  spokenChild(node, 'retired');
  const living = spokenChild(node, 'living');
  await pass(node, 1000, 100);
  return {
    node,
    pass,
    stay: (forMs: number, on = node): Promise<void> => pass(on, forMs, HOUR, () => living.say()),
    setWall: (byMs: number): void => void (wall += byMs),
    async restart(): Promise<HostedNode> {
      disk.crash();
      return start();
    },
  };
}

/** Whether a restarted root grants a lease to the child that has told it everything, before the grace is over. */
async function grantsTo(
  node: HostedNode,
  pass: (node: HostedNode, forMs: number, stepMs: number) => Promise<void>,
): Promise<boolean> {
  const living = spokenChild(node, 'living', 'x2');
  await pass(node, 2000, 100);
  return (
    living.say({ digest: node.state.durableDigest, joined: node.state.durableDigest }).leaseAgeMs !== null
  );
}

test('a restarted root waits for a child that was there lately', async () => {
  const { restart, pass } = await family();
  expect(await grantsTo(await restart(), pass)).toBe(false);
});

test('but not for one that was away for 30 days, nor does it name it any more', async () => {
  const { node, stay, restart, pass } = await family();
  await stay(29 * DAY);
  expect([...node.state.knownChildren.keys()].sort()).toEqual(['living', 'retired']);
  await stay(2 * DAY);
  expect([...node.state.knownChildren.keys()]).toEqual(['living']);
  expect(await grantsTo(await restart(), pass)).toBe(true);
});

test('days are those that this node has run: a clock set wrong makes nobody absent, and restarts take nothing away', async () => {
  const { restart, setWall, pass } = await family();
  setWall(400 * DAY);
  const once = await restart();
  expect(once.state.knownChildren.has('retired')).toBe(true);
  await pass(once, 20 * DAY, HOUR);
  const twice = await restart();
  await pass(twice, 9 * DAY, HOUR);
  expect(twice.state.knownChildren.has('retired')).toBe(true);
  await pass(twice, 2 * DAY, HOUR);
  expect(twice.state.knownChildren.has('retired')).toBe(false);
});

test('one that comes back is known and waited for again', async () => {
  const { node, stay, restart, pass } = await family();
  await stay(40 * DAY);
  spokenChild(node, 'retired', 'x9');
  await pass(node, 1000, 100);
  expect(await grantsTo(await restart(), pass)).toBe(false);
});

test('where a point goes on without a lease, it is waited for no more, and still named: unbounded', async () => {
  const { node, stay, restart, pass } = await family({ lease: '30s', onExpiry: 'continue' });
  await stay(40 * DAY);
  await node.kill({ scope: 'point:p', reason: 'bad', by: me });
  const [kill] = node.controls().kills;
  expect(kill.acknowledgements.find((each) => each.node === 'retired')?.state).toBe('unbounded');
  expect(await grantsTo(await restart(), pass)).toBe(true);
});
