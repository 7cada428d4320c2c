import { describe, expect, test } from 'vitest';
import { encodeControls } from '../controls/control-codec.ts';
import type { HostedNode } from '../node.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { fakeSeals } from '../testing/fake-seals.ts';
import { type Carried, counting, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';
import { upMessage } from '../testing/spoken-child.ts';

const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };
const chance = counting();
const start = (name: string, disk: MemoryDisk) => handNode({ name, disk, chance, seals: fakeSeals });

/** Links a child to a root, and hears what it is told; `up`: what a child that lies sends instead. */
function linked(root: HandNode, child: HandNode, up: Carried['up'] = (message) => message) {
  const heard: DownMessage[] = [];
  const down = (message: DownMessage) => {
    heard.push(message);
    return message;
  };
  join(root, child, { up, down });
  return { heard, settle: () => settle([root, child]) };
}

const up = (rest: Partial<UpMessage>) => upMessage({ complete: false, digest: 'other', ...rest });
const said = (tag: string, subtree: string) => ({ tag, subtree, reason: 'why', by: 'dev', atMs: 1 });
const nothing = { kills: [], overrides: [], quarantines: [], removed: [], ranges: [], specs: [], resets: [] };

/** A tree that has lived for a while, and a backup of its root from before the last words were said. */
async function lived() {
  const rootDisk = memoryDisk();
  const childDisk = memoryDisk();
  const root = await start('cloud', rootDisk);
  const child = await start('d1', childDisk);
  const link = linked(root, child);
  await root.apply(spec, me);
  const early = await root.kill({ scope: 'point:p', reason: 'before the backup', by: me });
  await link.settle();
  const backup = rootDisk.snapshot();
  await root.revive({ scope: 'point:p', reason: 'after it', by: me });
  const late = await root.kill({ scope: 'tier:device', reason: 'after it', by: me });
  await root.apply({ ...spec, arms: ['a', 'b', 'c'] }, me);
  await root.reset({ point: 'p', reason: 'after it', by: me });
  await link.settle();
  expect(child.point('p')?.version).toBe(2);
  return { rootDisk, childDisk, child, backup, early, late, state: encodeControls(root.state.controls) };
}

describe('a root that has been restored from a backup', () => {
  test('takes back its own words, which its children keep under its seal', async () => {
    const { rootDisk, child, backup, late, state } = await lived();
    rootDisk.crash();
    rootDisk.restore(backup);
    const root = await start('cloud', rootDisk);
    expect(root.controls().kills.map((kill) => kill.scope)).toEqual(['point:p']);
    const { heard, settle } = linked(root, child);
    await settle();
    expect(encodeControls(root.state.controls)).toEqual(state);
    expect(root.controls().kills.map((kill) => kill.tag)).toEqual([late.tag]);
    // No lease before that.
    const first = heard.findIndex((down) => down.leaseAgeMs !== null);
    expect(first).toBeGreaterThan(0);
    expect(heard[first].digest).toBe(root.state.durableDigest);
  });

  test('also where the child has been restarted meanwhile', async () => {
    const { rootDisk, childDisk, backup, state } = await lived();
    childDisk.crash();
    rootDisk.crash();
    rootDisk.restore(backup);
    const root = await start('cloud', rootDisk);
    const child = await start('d1', childDisk);
    await linked(root, child).settle();
    expect(encodeControls(root.state.controls)).toEqual(state);
  });

  test('also what it said between two backups that it came back from', async () => {
    const { rootDisk, child, backup, late } = await lived();
    rootDisk.crash();
    rootDisk.restore(backup);
    const between = await start('cloud', rootDisk);
    const more = await between.kill({ scope: 'node:d1', reason: 'between', by: me });
    // It ends before it has heard what it had forgotten.
    await linked(between, child, (message) => ({ ...message, controls: null, words: null })).settle();
    expect(child.controls().kills.map((kill) => kill.tag)).toContain(more.tag);
    rootDisk.crash();
    rootDisk.restore(backup);
    const root = await start('cloud', rootDisk);
    await linked(root, child).settle();
    expect(new Set(root.controls().kills.map((kill) => kill.tag))).toEqual(new Set([late.tag, more.tag]));
  });

  test('believes no word that it has not said', async () => {
    const { rootDisk, child, backup, early } = await lived();
    rootDisk.crash();
    rootDisk.restore(backup);
    const root = await start('cloud', rootDisk);
    const { settle } = linked(root, child, (message) =>
      message.words === null || message.words === undefined
        ? message
        : {
            ...message,
            words: {
              ...message.words,
              controls: { ...message.words.controls, kills: [], resets: [['p', 9]] },
            },
          },
    );
    await settle();
    expect(root.controls().kills.map((kill) => kill.tag)).toEqual([early.tag]);
    expect(root.state.controls.resets.size).toBe(0);
    expect(root.nodes()[0].refused.seal_not_ours).toBeGreaterThan(0);
  });
});

describe('a root whose disk is in step', () => {
  test('adopts nothing after a restart that it would refuse otherwise', async () => {
    const disk = memoryDisk();
    const before = await start('cloud', disk);
    await before.apply(spec, me);
    const { tag } = await before.kill({ scope: 'point:p', reason: 'bad', by: me });
    disk.crash();
    const root = await start('cloud', disk);
    const [origin] = [...before.state.ownOrigins];
    root.receiveUp(
      up({
        controls: {
          ...nothing,
          ranges: [[origin, [[1, 9]]]],
          specs: [{ point: 'p', version: 9, node: 'cloud', spec: null, generations: {} }],
          resets: [['p', 9]],
          overrides: [
            { ...said(`${origin}~7`, 'cloud'), point: 'p', arm: 'b', segment: {}, expiresMs: null },
          ],
        },
      }),
      () => {},
    );
    expect(root.controls().kills.map((kill) => kill.tag)).toEqual([tag]);
    expect(root.controls().overrides).toEqual([]);
    expect(root.point('p')?.version).toBe(1);
    expect(root.state.controls.resets.size).toBe(0);
    expect(root.nodes()[0].refused).toMatchObject({ removal_without_authority: 1, forged_control: 1 });
  });
});

describe('a root that comes back with an empty disk', () => {
  test('takes declarations and controls back from its children, and grants no lease before', async () => {
    const { child, state, late } = await lived();
    const root = await start('cloud', memoryDisk());
    const { heard, settle } = linked(root, child);
    await settle();
    expect(encodeControls(root.state.controls)).toEqual(state);
    expect(root.point('p')?.spec.arms).toEqual(['a', 'b', 'c']);
    expect(child.controls().kills.map((kill) => kill.tag)).toEqual([late.tag]);
    const first = heard.findIndex((down) => down.leaseAgeMs !== null);
    expect(heard[first].digest).toBe(root.state.durableDigest);
    expect(first).toBeGreaterThan(0);
  });

  test('but only for as long as its children need to come', async () => {
    const root = await start('cloud', memoryDisk());
    root.pass(60_000);
    root.receiveUp(up({ controls: { ...nothing, resets: [['p', 9]] } }), () => {});
    expect(root.state.controls.resets.size).toBe(0);
  });
});

describe('a kill from below', () => {
  const standing = (node: HostedNode) => node.controls().kills.map((kill) => kill.tag);
  test('is taken for the place where it was said, and for no other', async () => {
    const root = await start('cloud', memoryDisk());
    root.pass(60_000);
    const kills = [
      { ...said('dev~x1~1', 'dev'), scope: '*' },
      { ...said('dev~x1~2', 'cloud'), scope: '*' },
      { ...said('cloud~old~1', 'cloud'), scope: '*' },
      { ...said('other~x1~1', 'other'), scope: '*' },
    ];
    root.receiveUp(up({ controls: { ...nothing, kills } }), () => {});
    expect(standing(root)).toEqual(['dev~x1~1']);
    await root.apply(spec, me);
    expect(root.decide('p').reason).toBe('policy');
    expect(root.nodes()[0].refused).toMatchObject({ control_beyond_child: 2, forged_control: 1 });
  });
});

describe('more than can be sent is refused when it is said', () => {
  test('and what is on the disk is read, however much it is', async () => {
    const disk = memoryDisk();
    const root = await start('cloud', disk);
    await root.apply(spec, me);
    const kills = Array.from({ length: 10_000 }, (_, i) => ({ ...said(`dev~x1~${i}`, 'dev'), scope: '*' }));
    root.receiveUp(up({ controls: { ...nothing, kills } }), () => {});
    await expect(root.kill({ scope: '*', reason: 'one more', by: me })).rejects.toMatchObject({
      code: 'overloaded',
    });
    await root.quarantine({ node: 'dev', reason: 'enough', by: me });
    disk.crash();
    const again = await start('cloud', disk);
    expect(again.state.controls.kills.size).toBe(10_000);
  });
});

test('a region that is back from before it knew its place obeys what its device hands it back', async () => {
  const disk = memoryDisk();
  const cloud = await start('cloud', memoryDisk());
  const first = await start('r1', disk);
  await settle([first]);
  const image = disk.snapshot();
  const device = await start('d1', memoryDisk());
  join(cloud, first);
  join(first, device);
  await cloud.apply({ ...spec, oversight: { lease: '1h', onExpiry: 'continue' } }, me);
  await settle([cloud, first, device]);
  await device.kill({ scope: '*', reason: 'its own', by: me });
  const { tag } = await cloud.kill({ scope: 'node:r1', reason: 'stop', by: me });
  await settle([cloud, first, device]);
  expect(device.controls().kills).toHaveLength(2);

  disk.crash();
  disk.restore(image);
  // The way up is cut.
  const region = await start('r1', disk);
  await linked(region, device).settle();
  expect(region.state.path).toEqual(['r1']);
  expect(region.state.controls.kills.has(tag)).toBe(true);
  expect(region.decide('p').reason).toBe('killed');

  // What the device said of itself stops nobody above it.
  await cloud.revive({ scope: 'node:r1', reason: 'go on', by: me });
  join(cloud, region);
  await settle([cloud, region, device]);
  expect(region.state.path).toEqual(['r1', 'cloud']);
  expect(region.decide('p').reason).toBe('policy');
  expect(device.decide('p').reason).toBe('killed');
});

test('a kill names the children that have not been heard of since a restart', async () => {
  const { rootDisk, late } = await lived();
  rootDisk.crash();
  const root = await start('cloud', rootDisk);
  const states = () => root.controls().kills[0].acknowledgements.map(({ node, state }) => [node, state]);
  expect(root.controls().kills[0].tag).toBe(late.tag);
  expect(states()).toEqual([
    ['cloud', 'acknowledged'],
    ['d1', 'unknown'],
  ]);
  root.pass(60_000);
  expect(states()).toContainEqual(['d1', 'lease_expired']);
});
