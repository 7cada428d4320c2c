import { expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import type { UpMessage } from '../sync/messages.ts';
import { fakeSeals } from '../testing/fake-seals.ts';
import {
  BOOT_MS,
  byHand,
  congruential,
  type HandNode,
  handNode,
  join,
  me,
  settle,
} from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const ann: Actor = { name: 'ann', authority: '*' };
const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

const hand = byHand({ chance: congruential() });
const start = (name: string, disk = memoryDisk()): Promise<HandNode> =>
  handNode({ name, disk, hand, seals: fakeSeals, ...(name === 'edge' ? { tier: 'region' } : {}) });

/** A parent and a child that hear each other until the link is cut; `twist`: what a child that lies sends instead. */
function linked(parent: HandNode, child: HandNode, twist: (up: UpMessage) => UpMessage = (up) => up) {
  const cut = { is: false };
  join(parent, child, {
    up: (message) => (cut.is ? undefined : twist(message)),
    down: (message) => (cut.is ? undefined : message),
  });
  return cut;
}
const arrive = (...nodes: HandNode[]): Promise<void> => settle(nodes, 3000);
/** The audit of a node, the oldest first, without what it did itself. */
const heard = (node: HostedNode) =>
  node
    .audit(1000)
    .filter((entry) => entry.heard !== undefined)
    .map(({ action, by, target, reason, heard }) => ({ action, by, target, reason, from: heard?.from }))
    .reverse();

test('what was said below stands in the audit above: who, why, where and when, once', async () => {
  const disks = { cloud: memoryDisk(), edge: memoryDisk(), dev: memoryDisk() };
  let root = await start('cloud', disks.cloud);
  const edge = await start('edge', disks.edge);
  const dev = await start('dev', disks.dev);
  let above = linked(root, edge);
  linked(edge, dev);
  await root.apply(spec, me);
  await arrive(root, edge, dev);
  await edge.kill({ scope: 'point:p', reason: 'smells', by: ann });
  await arrive(root, edge, dev);
  above.is = true;
  await dev.kill({ scope: 'tier:device', reason: 'while cut off', by: ann });
  const saidMs = BOOT_MS + hand.ms;
  await arrive(root, edge, dev);
  expect(heard(root)).toEqual([
    { action: 'kill', by: 'ann', target: 'point:p', reason: 'smells', from: 'edge' },
  ]);
  above.is = false;
  await arrive(root, edge, dev);
  const both = [
    { action: 'kill', by: 'ann', target: 'point:p', reason: 'smells', from: 'edge' },
    { action: 'kill', by: 'ann', target: 'tier:device', reason: 'while cut off', from: 'dev' },
  ];
  expect(heard(root)).toEqual(both);
  expect(heard(edge)).toEqual(both.slice(1));
  const [late] = root.audit(1);
  expect(late.heard?.saidMs).toBe(saidMs);
  expect(late).toMatchObject({ node: 'cloud' });
  expect(late.atMs).toBeGreaterThan(saidMs + 2000);

  // Not again after a restart, and not what was said here.
  await root.close();
  root = await start('cloud', disks.cloud);
  above = linked(root, edge);
  await arrive(root, edge, dev);
  await root.kill({ scope: 'domain:default', reason: 'said here', by: me });
  await arrive(root, edge, dev);
  expect(heard(root)).toEqual(both);

  // Taken back below, the root hears of it; taken back at the root, those below do.
  await edge.revive({ scope: 'point:p', reason: 'no longer', by: ann });
  await arrive(root, edge, dev);
  expect(heard(root).slice(2)).toEqual([
    {
      action: 'revive',
      by: 'unknown',
      target: 'point:p',
      reason: expect.stringContaining('edge'),
      from: 'edge',
    },
  ]);
  await root.revive({ scope: 'tier:device', reason: 'drill over', by: me });
  await arrive(root, edge, dev);
  expect(heard(root)).toHaveLength(3);
  for (const node of [edge, dev])
    expect(heard(node).at(-1)).toMatchObject({ action: 'revive', target: 'tier:device', by: 'unknown' });
  for (const node of [root, edge, dev]) await node.close();
});

test('overrides and quarantines below are heard of too, and what came and went unheard is counted', async () => {
  const root = await start('cloud');
  const edge = await start('edge');
  const cut = linked(root, edge);
  await root.apply(spec, me);
  await arrive(root, edge);
  await edge.override({ point: 'p', arm: 'b', reason: 'demo', by: ann });
  await edge.quarantine({ node: 'edge', reason: 'broken', by: ann });
  await arrive(root, edge);
  cut.is = true;
  await edge.kill({ scope: '*', reason: 'x', by: ann });
  await edge.revive({ scope: '*', reason: 'y', by: ann });
  await edge.removeOverride({ point: 'p', reason: 'over', by: ann });
  await edge.liftQuarantine({ node: 'edge', reason: 'mended', by: ann });
  await arrive(root, edge);
  cut.is = false;
  await arrive(root, edge);
  expect(heard(root).map(({ action, target }) => `${action} ${target}`)).toEqual([
    'override p',
    'quarantine edge',
    'override.remove p',
    'quarantine.lift edge',
    'controls.unheard edge',
  ]);
  expect(heard(root)[0].reason).toBe('b: demo');
  await root.close();
  await edge.close();
});

test('a time that is none is not shown as one', async () => {
  const root = await start('cloud');
  const edge = await start('edge');
  linked(root, edge, (up) =>
    up.controls === null
      ? up
      : { ...up, controls: JSON.parse(JSON.stringify(up.controls).replace(/"atMs":\d+/g, '"atMs":1e300')) },
  );
  await arrive(root, edge);
  await edge.kill({ scope: '*', reason: 'x', by: ann });
  await arrive(root, edge);
  expect(root.audit(1)[0].heard).toEqual({ from: 'edge', saidMs: null });
  await root.close();
  await edge.close();
});

test('whom a root that knows nothing is told of is named only as a node can be called', async () => {
  const root = await start('cloud');
  const edge = await start('edge');
  const said = { subtree: 'edge', reason: 'x', by: 'ann', atMs: 1 };
  const kill = { ...said, tag: '\u001b]0;owned\u0007~a~1', scope: '*' };
  linked(root, edge, (up) => ({
    ...up,
    controls: { ...(up.controls as object), kills: [kill] } as unknown as UpMessage['controls'],
  }));
  await arrive(root, edge);
  const all = heard(root);
  expect(all).toMatchObject([{ action: 'kill', by: 'ann', from: 'edge' }]);
  await root.close();
  await edge.close();
});

test('a child that says and takes back without end fills neither the audit nor the disk above', async () => {
  const disk = memoryDisk();
  const root = await start('cloud', disk);
  const edge = await start('edge');
  linked(root, edge);
  await root.apply(spec, me);
  await arrive(root, edge);
  for (let i = 0; i < 150; i++) {
    await edge.kill({ scope: `point:p${i}`, reason: 'again', by: ann });
    if (i % 30 === 29) await arrive(root, edge);
  }
  expect(heard(root)).toHaveLength(100);
  expect(root.nodes().find(({ node }) => node === 'cloud')?.refused.audit_of_others_full).toBe(50);
  expect(root.audit(1000).some(({ action }) => action === 'point.apply')).toBe(true);
  // The stops themselves all stand.
  expect(root.controls().kills).toHaveLength(150);
  hand.ms += 3_600_000;
  await edge.kill({ scope: 'point:later', reason: 'again', by: ann });
  await arrive(root, edge);
  expect(heard(root)).toHaveLength(101);
  await root.close();
  await edge.close();
});

test('declarations that a root without a disk takes from those below stand in its audit, with names and versions', async () => {
  const dev = await start('dev');
  const former = await start('cloud');
  linked(former, dev);
  await former.apply(spec, me);
  for (let i = 0; i < 12; i++) await former.apply({ ...spec, point: `q${i}` }, me);
  await former.remove('q0', me);
  await arrive(former, dev);
  await former.close();
  const root = await start('cloud');
  linked(root, dev);
  await arrive(root, dev);
  expect(root.points()).toHaveLength(12);
  expect(heard(root)).toEqual([
    {
      action: 'points.restored',
      by: 'unknown',
      target: 'dev',
      reason: expect.stringMatching(
        /^handed up, .*: p version 1, q0 deleted, q1 version 1, .*q6 version 1 and 3 more$/,
      ),
      from: 'dev',
    },
  ]);
});
