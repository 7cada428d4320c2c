import { expect, test } from 'vitest';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { BOOT_MS, byHand, congruential, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk, type StorageStep } from '../testing/memory-storage.ts';

const HOUR = 3_600_000;

const spec = (lease: string, rest: object = {}) => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'b' },
  oversight: { lease, ...rest },
});

/** A cloud, a region below it and a device below that; every link may be cut. */
function tree() {
  const hand = byHand({ chance: congruential() });
  const up = new Map<string, HandNode>();
  const disks = new Map<string, MemoryDisk>();
  const cut = new Set<string>();
  /** Commits of nodes whose disk is stalled. */
  const stalled = new Map<string, (() => void)[]>();
  const start = async (name: string, parent: string): Promise<HandNode> => {
    const schedule = (run: () => void, step: StorageStep): void => {
      const waiting = step === 'commit' ? stalled.get(name) : undefined;
      if (waiting === undefined) queueMicrotask(run);
      else waiting.push(run);
    };
    const disk = disks.get(name) ?? memoryDisk({ schedule });
    disks.set(name, disk);
    const tier = name === 'cloud' || name === 'region' ? name : 'device';
    const node = await handNode({ name, tier, disk, hand });
    up.set(name, node);
    if (parent === '') return node;
    const link = node.connectParent((message: UpMessage) => {
      if (cut.has(name)) return;
      up.get(parent)?.receiveUp(structuredClone(message), (down: DownMessage) => {
        if (!cut.has(name) && up.get(name) === node) link.receive(structuredClone(down));
      });
    });
    return node;
  };
  return {
    cut,
    start,
    crash(name: string): void {
      up.delete(name);
      disks.get(name)?.crash();
    },
    now: () => hand.ms,
    stall(name: string): void {
      stalled.set(name, []);
    },
    flow(name: string): void {
      for (const run of stalled.get(name) ?? []) queueMicrotask(run);
      stalled.delete(name);
    },
    pass: (forMs: number, stepMs = 500) => settle([...up.values()], forMs, stepMs),
  };
}

async function grown() {
  const at = tree();
  const cloud = await at.start('cloud', '');
  await cloud.apply(spec('1h'), me);
  const region = await at.start('region', 'cloud');
  const device = await at.start('device', 'region');
  await at.pass(10_000);
  expect(device.decide('p').arm).toBe('b');
  const kill = async (node = cloud) => {
    const { boundMs } = await node.kill({ scope: 'point:p', reason: 'bad', by: me });
    return boundMs === null ? null : boundMs - BOOT_MS - at.now();
  };
  return { ...at, cloud, region, device, kill };
}

test('a kill reckons with the longer lease that a node which is cut off was declared', async () => {
  const { cloud, region, device, cut, pass, kill } = await grown();
  cut.add('region');
  await cloud.apply(spec('30s'), me);
  await pass(10_000);
  const withinMs = (await kill()) as number;
  expect(withinMs).toBeGreaterThan(HOUR - 15_000);
  await pass(60_000);
  // It does go on: it was declared an hour.
  expect(device.decide('p').arm).toBe('b');
  expect(region.decide('p').arm).toBe('b');
  expect(cloud.controls().kills[0].acknowledgements.find(({ node }) => node === 'region')?.state).toBe(
    'waiting',
  );
  await pass(withinMs, 10_000);
  expect(device.decide('p').reason).toBe('lease_expired');
  expect(cloud.controls().kills[0].acknowledgements.find(({ node }) => node === 'region')?.state).toBe(
    'lease_expired',
  );
});

test('also one that came while the newer one was on its way to the disk', async () => {
  const at = tree();
  const cloud = await at.start('cloud', '');
  await cloud.apply(spec('1h'), me);
  await at.pass(31_000);
  at.stall('cloud');
  const applied = cloud.apply(spec('30s'), me);
  await at.start('region', 'cloud');
  const device = await at.start('device', 'region');
  await at.pass(10_000);
  at.cut.add('region');
  at.flow('cloud');
  await applied;
  const { boundMs } = await cloud.kill({ scope: 'point:p', reason: 'bad', by: me });
  expect((boundMs as number) - BOOT_MS - at.now()).toBeGreaterThan(HOUR - 15_000);
  await at.pass(60_000);
  expect(device.decide('p').arm).toBe('b');
});

test('a node without children has nobody who may hold the older one', async () => {
  const cloud = await tree().start('cloud', '');
  await cloud.apply(spec('1h'), me);
  await cloud.apply(spec('30s'), me);
  expect(cloud.state.heldLeases.size).toBe(0);
});

test('though every child has acknowledged the newer one: who is below them may not have', async () => {
  const { cloud, device, cut, pass, kill } = await grown();
  cut.add('device');
  await cloud.apply(spec('30s'), me);
  await pass(10_000);
  expect(await kill()).toBeGreaterThan(HOUR - 15_000);
  await pass(60_000);
  expect(device.decide('p').arm).toBe('b');
});

test('until the longer lease must have run out', async () => {
  const { cloud, cut, pass, kill } = await grown();
  cut.add('region');
  await cloud.apply(spec('30s'), me);
  await pass(1.03 * HOUR, 10_000);
  expect(cloud.state.heldLeases.size).toBe(0);
  expect(await kill()).toBeLessThan(31_000);
});

test('a restart forgets nothing of it', async () => {
  const { cloud, cut, pass, crash, start } = await grown();
  cut.add('region');
  await cloud.apply(spec('30s'), me);
  await pass(10_000);
  crash('cloud');
  const again = await start('cloud', '');
  const { boundMs } = await again.kill({ scope: 'point:p', reason: 'bad', by: me });
  expect((boundMs as number) - BOOT_MS).toBeGreaterThan(HOUR);
});

test('what goes on without a lease is unbounded until those below the child have acknowledged as well', async () => {
  const { cloud, device, cut, pass, kill } = await grown();
  await cloud.apply(spec('1h', { onExpiry: 'continue' }), me);
  await pass(10_000);
  cut.add('device');
  await cloud.apply(spec('30s'), me);
  await pass(3 * HOUR, 60_000);
  // The region has it, the device has not, and goes on.
  expect(device.decide('p').arm).toBe('b');
  expect(await kill()).toBeNull();
  await cloud.revive({ scope: 'point:p', reason: 'again', by: me });
  cut.delete('device');
  await pass(10_000);
  expect(await kill()).toBeLessThan(31_000);
});

test('a point that was deleted is still reckoned with where it may not be known', async () => {
  const { cloud, device, cut, pass } = await grown();
  cut.add('region');
  await cloud.remove('p', me);
  await pass(10_000);
  expect(device.decide('p').arm).toBe('b');
  const { boundMs } = await cloud.kill({ scope: '*', reason: 'bad', by: me });
  expect((boundMs as number) - BOOT_MS).toBeGreaterThan(HOUR);
});

test('a point that was moved to another domain is reckoned with under both', async () => {
  const { cloud, cut, pass } = await grown();
  cut.add('region');
  await cloud.apply({ ...spec('30s'), domain: 'mail' }, me);
  await pass(10_000);
  for (const scope of ['domain:mail', 'domain:default']) {
    const { boundMs } = await cloud.kill({ scope, reason: 'bad', by: me });
    expect((boundMs as number) - BOOT_MS, scope).toBeGreaterThan(HOUR);
  }
});

test('so is an arm that is taken out', async () => {
  const { cloud, cut, pass } = await grown();
  cut.add('region');
  await cloud.apply({ ...spec('1h'), arms: ['a', 'c'], policy: { kind: 'fixed', arm: 'c' } }, me);
  await pass(10_000);
  const { boundMs } = await cloud.kill({ scope: 'artifact:b', reason: 'bad', by: me });
  expect((boundMs as number) - BOOT_MS).toBeGreaterThan(HOUR);
});
