import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { fakeSeals } from '../testing/fake-seals.ts';
import { counting, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

const digest = (n: number): string => `${n}`.repeat(64).slice(0, 64);
const chance = counting();
const start = (name: string, disk = memoryDisk()) => handNode({ name, disk, chance, seals: fakeSeals });

/** Links a child to a root; returns what lets all that they have to say arrive. */
function linked(root: HandNode, child: HandNode): () => Promise<void> {
  join(root, child);
  return () => settle([root, child]);
}

const point: PointSpec = {
  point: 'price',
  arms: { versions: 'price' },
  fallback: 'champion',
  policy: { kind: 'split' },
  objective: { success: 1 },
};
const register = (node: HandNode, version: string, n: number, more: object = {}) =>
  node.models.register({ model: 'price', version, digest: digest(n), by: me, ...more });
const stages = (node: HandNode): Record<string, string> =>
  Object.fromEntries(node.models.get('price')!.versions.map(({ version, stage }) => [version, stage]));

/** Which versions units meet, in shares. */
function shares(node: HandNode, units = 4000): Record<string, number> {
  const out: Record<string, number> = {};
  for (let i = 0; i < units; i++) {
    const arm = String(node.decide('price', { unit: `u${i}` }).arm);
    out[arm] = (out[arm] ?? 0) + 1 / units;
  }
  return out;
}

async function twoVersions(disk?: MemoryDisk) {
  const root = await start('cloud', disk);
  await register(root, 'v1', 1);
  await root.apply(point, me);
  await register(root, 'v2', 2, { parents: ['v1'], metrics: { auc: 0.9 }, window: { fromMs: 1, toMs: 2 } });
  return root;
}

describe('a registry of versions', () => {
  test('has the first as champion, others as challengers without traffic, and every field as it was said', async () => {
    const root = await twoVersions();
    expect(stages(root)).toEqual({ v1: 'champion', v2: 'challenger' });
    expect(root.models.get('price')).toMatchObject({
      champion: 'v1',
      points: ['price'],
      versions: [
        { version: 'v1', digest: digest(1) },
        { version: 'v2', parents: ['v1'], metrics: { auc: 0.9 }, window: { fromMs: 1, toMs: 2 }, traffic: 0 },
      ],
    });
    expect(shares(root)).toEqual({ v1: expect.closeTo(1) });
    expect(root.audit().map(({ action, target }) => `${action} ${target}`)).toContain(
      'model.register price@v2',
    );
  });

  test('takes a version once: the same digest again is nothing new, another is a conflict', async () => {
    const root = await twoVersions();
    expect(await register(root, 'v2', 2)).toEqual({ revision: 2, changed: false });
    await expect(register(root, 'v2', 3)).rejects.toMatchObject({ code: 'version_conflict' });
  });

  test.each([
    ['a version that is a word of declarations', { version: 'champion' }, 'version'],
    ['a digest of another length', { digest: 'ab' }, 'digest'],
    ['a metric that is no number', { metrics: { auc: Number.NaN } }, 'metrics'],
    ['data that ends before it begins', { window: { fromMs: 2, toMs: 1 } }, 'window'],
    ['a parent that is no name', { parents: ['../x'] }, 'parents'],
    ['more than all of the traffic', { traffic: 1.5 }, 'traffic'],
  ])('refuses %s', async (_what, wrong, field) => {
    const root = await twoVersions();
    const request = { model: 'price', version: 'v3', digest: digest(3), by: me, ...wrong };
    await expect(root.models.register(request)).rejects.toMatchObject({ code: 'invalid_input', field });
    expect(Object.keys(stages(root))).toEqual(['v1', 'v2']);
  });

  test('forgets the longest retired where a model has too many', async () => {
    const root = await start('cloud');
    for (let i = 0; i <= 256; i++) {
      await register(root, `v${i}`, i % 10);
      if (i > 0) await root.models.retire({ model: 'price', version: `v${i}`, reason: 'old', by: me });
    }
    const names = Object.keys(stages(root));
    expect(names.length).toBe(256);
    expect(names).toContain('v0');
    expect(names).not.toContain('v1');
  });

  test('goes by when they retired, and never forgets what a rollback may go back to', async () => {
    const root = await start('cloud');
    const retire = async (version: string) => {
      root.pass(1000);
      await root.models.retire({ model: 'price', version, reason: 'old', by: me });
    };
    for (const version of ['v0', 'late', 'early']) await register(root, version, 1);
    await register(root, 'now', 2);
    await root.models.promote({ model: 'price', version: 'now', reason: 'better', by: me });
    await retire('early');
    await retire('late');
    for (let i = 4; i <= 256; i++) await register(root, `v${i}`, 3);
    const names = Object.keys(stages(root));
    expect(names.length).toBe(256);
    expect(names).not.toContain('early');
    expect(names).toContain('late');
    await register(root, 'more', 3);
    expect(Object.keys(stages(root))).not.toContain('late');
    await expect(register(root, 'most', 3)).rejects.toMatchObject({ code: 'overloaded' });
    expect(root.models.get('price')!.before).toEqual(['v0']);
    expect(await root.models.rollback({ model: 'price', reason: 'r', by: me })).toMatchObject({ to: 'v0' });
  });

  test('writes down what it forgets, and for what', async () => {
    const root = await start('cloud');
    for (let i = 0; i <= 255; i++) await register(root, `v${i}`, i % 10);
    for (const version of ['v7', 'v8'])
      await root.models.retire({ model: 'price', version, reason: 'old', by: me });
    await register(root, 'more', 3);
    const said = root.audit().filter(({ action }) => action === 'model.forget');
    expect(said).toMatchObject([
      { target: 'price@v7', by: 'me', reason: expect.stringContaining('price@more') },
    ]);
  });

  test('makes room for one more of all by forgetting the longest retired of any model', async () => {
    const root = await twoVersions();
    await root.models.promote({ model: 'price', version: 'v2', reason: 'better', by: me });
    const [v1, v2] = root.state.controls.models.get('price')!.versions;
    const full = (n: number) => ({
      revision: 1,
      node: 'cloud',
      before: ['r0'],
      versions: Array.from({ length: n }, (_, i) => ({
        ...(i === 0 ? v2 : v1),
        version: `r${i === 0 ? 'oot' : i - 1}`,
        retiredMs: 2000 - i,
      })),
    });
    const models = new Map(root.state.controls.models);
    for (let m = 0; m < 8; m++) models.set(`m${m}`, full(m < 7 ? 250 : 248));
    root.state.controls = { ...root.state.controls, models };
    const count = () => root.models.list().reduce((sum, { versions }) => sum + versions.length, 0);
    expect(count()).toBe(2000);
    expect(await register(root, 'v3', 3)).toEqual({ revision: 4, changed: true });
    expect(count()).toBe(2000);
    expect(root.models.get('m0')).toMatchObject({ revision: 2, champion: 'root', before: ['r0'] });
    const left = root.models.get('m0')!.versions.map(({ version }) => version);
    expect(left).not.toContain('r248');
    expect(left.slice(0, 2)).toEqual(['root', 'r0']);
    expect(stages(root)).toEqual({ v1: 'retired', v2: 'champion', v3: 'challenger' });
    expect(root.audit().filter(({ action }) => action === 'model.forget')).toMatchObject([
      { target: 'm0@r248' },
    ]);
  });

  test('is changed at the root alone', async () => {
    const root = await twoVersions();
    const child = await start('d1');
    await linked(root, child)();
    expect(child.models.list()).toEqual(root.models.list());
    await expect(register(child, 'v3', 3)).rejects.toMatchObject({ code: 'forbidden', field: 'node' });
  });
});

describe('a point over versions', () => {
  test('is declared once there is a model', async () => {
    const root = await start('cloud');
    await expect(root.apply(point, me)).rejects.toMatchObject({ code: 'unknown_model' });
  });

  test('splits by unit: each keeps its version, the propensity is the share', async () => {
    const root = await twoVersions();
    await root.models.promote({ model: 'price', version: 'v2', traffic: 0.25, reason: 'try', by: me });
    expect(shares(root)).toEqual({ v1: expect.closeTo(0.75, 1), v2: expect.closeTo(0.25, 1) });
    const one = root.decide('price', { unit: 'u7' });
    for (let i = 0; i < 20; i++) expect(root.decide('price', { unit: 'u7' }).arm).toBe(one.arm);
    expect(one.propensity).toBe(one.arm === 'v1' ? 0.75 : 0.25);
    expect(one.versions).toMatchObject({ spec: 1, artifact: digest(one.arm === 'v1' ? 1 : 2) });
    // Another challenger takes units of the champion only.
    const before = new Map(
      Array.from({ length: 500 }, (_, i) => [`u${i}`, root.decide('price', { unit: `u${i}` }).arm]),
    );
    await register(root, 'v3', 3, { traffic: 0.2 });
    for (const [unit, arm] of before) {
      const now = root.decide('price', { unit }).arm;
      if (now !== arm) expect([arm, now]).toEqual(['v1', 'v3']);
    }
  });

  test('learns over versions as they come and go: a version that returns is the one it was', async () => {
    const root = await twoVersions();
    await root.apply({ ...point, policy: { kind: 'thompson' } }, me);
    await root.models.promote({ model: 'price', version: 'v2', traffic: 0.5, reason: 'try', by: me });
    const teach = async (rates: Record<string, number>, n: number) => {
      for (let i = 0; i < n; i++) {
        const { id, arm } = root.decide('price', {});
        await root.feedback([{ id, metrics: { success: i % 100 < rates[arm as string] * 100 ? 1 : 0 } }]);
      }
      root.pass(2000);
    };
    await teach({ v1: 0.9, v2: 0.1 }, 400);
    const known = root.report('price').arms.find(({ arm }) => arm === 'v1')!;
    expect(known.allocation).toBeGreaterThan(0.95);
    await root.models.promote({ model: 'price', version: 'v2', reason: 'all of it', by: me });
    expect(root.report('price').arms.map(({ arm }) => arm)).toEqual(['v2']);
    await root.models.promote({ model: 'price', version: 'v1', traffic: 0.5, reason: 'back', by: me });
    root.pass(2000);
    const back = root.report('price').arms.find(({ arm }) => arm === 'v1')!;
    expect(back.reward.mean).toBeCloseTo(known.reward.mean!, 6);
    expect(back.allocation).toBeGreaterThan(0.95);
  });

  test('keeps a version that it names', async () => {
    const root = await twoVersions();
    await root.apply({ ...point, fallback: 'v1' }, me);
    await expect(
      root.models.promote({ model: 'price', version: 'v2', reason: 'better', by: me }),
    ).rejects.toMatchObject({ code: 'version_conflict', message: expect.stringContaining('price') });
    expect(stages(root)).toEqual({ v1: 'champion', v2: 'challenger' });
  });

  test('reports each version: decisions, reward, quantiles of its latency', async () => {
    const root = await twoVersions();
    await root.apply({ ...point, arms: { versions: 'price', latency: 'inferMs' } }, me);
    await root.models.promote({ model: 'price', version: 'v2', traffic: 0.5, reason: 'try', by: me });
    for (let i = 0; i < 400; i++) {
      const { id, arm } = root.decide('price', { unit: `u${i}` });
      await root.feedback([
        { id, metrics: { success: arm === 'v2' ? 1 : 0, inferMs: arm === 'v2' ? 40 : 10 } },
      ]);
    }
    const [v2, v1] = root.report('price').arms;
    expect(v1).toMatchObject({ arm: 'v1', artifact: { model: 'price', version: 'v1', stopped: false } });
    expect(v1.latency).toMatchObject({ metric: 'inferMs', quantiles: { p50: expect.closeTo(10, 0) } });
    expect(v2.latency?.quantiles.p99).toBeGreaterThan(39);
    expect([v1.reward.mean, v2.reward.mean]).toEqual([0, 1]);
    expect(v1.decisions + v2.decisions).toBe(400);
  });
});

describe('a kill of a version', () => {
  test.each([
    ['its name', 'artifact:price@v2'],
    ['its digest', `artifact:${digest(2)}`],
    ['its arm', 'artifact:v2'],
  ])('by %s masks it at once, on every node', async (_what, scope) => {
    const root = await twoVersions();
    const child = await start('d1');
    const settle = linked(root, child);
    await root.models.promote({ model: 'price', version: 'v2', traffic: 0.5, reason: 'try', by: me });
    await settle();
    expect(Object.keys(shares(child)).sort()).toEqual(['v1', 'v2']);
    const { boundMs } = await root.kill({ scope, reason: 'wrong prices', by: me });
    expect(boundMs).not.toBeNull();
    expect(Object.keys(shares(root))).toEqual(['v1']);
    await settle();
    expect(Object.keys(shares(child))).toEqual(['v1']);
    expect(child.models.get('price')!.versions[1].stopped).toBe(true);
    await expect(
      root.models.promote({ model: 'price', version: 'v2', reason: 'now', by: me }),
    ).rejects.toMatchObject({ code: 'version_conflict' });
  });

  describe('of the champion', () => {
    const served = (node: HandNode) => {
      const { arm, reason } = node.decide('price', { unit: 'u', context: {} });
      return { arm, reason };
    };
    const kill = (node: HandNode, version: string) =>
      node.kill({ scope: `artifact:price@${version}`, reason: 'wrong prices', by: me });
    /** v1, v2 and v3 were champion, in this order. */
    const threeChampions = async () => {
      const root = await twoVersions();
      await register(root, 'v3', 3);
      for (const version of ['v2', 'v3'])
        await root.models.promote({ model: 'price', version, reason: 'better', by: me });
      return root;
    };

    test('leaves the one before it in its place, on every node, until it is taken back', async () => {
      const root = await threeChampions();
      const child = await start('d1');
      const settle = linked(root, child);
      await settle();
      const { boundMs } = await kill(root, 'v3');
      expect(boundMs).not.toBeNull();
      await settle();
      for (const node of [root, child]) {
        expect(served(node)).toEqual({ arm: 'v2', reason: 'policy' });
        expect(node.models.get('price')).toMatchObject({ champion: 'v3', before: ['v1', 'v2'] });
      }
      await kill(root, 'v2');
      await settle();
      for (const node of [root, child]) expect(served(node)).toEqual({ arm: 'v1', reason: 'policy' });
      await root.revive({ scope: 'artifact:price@v3', reason: 'it was the feed', by: me });
      await settle();
      for (const node of [root, child]) expect(shares(node)).toEqual({ v3: expect.closeTo(1) });
    });

    test('leaves it to the fallback too: where the lease is out, and where the point is killed', async () => {
      const root = await threeChampions();
      const child = await start('d1');
      const settle = linked(root, child);
      await kill(root, 'v3');
      await settle();
      child.pass(120_000);
      expect(served(child)).toEqual({ arm: 'v2', reason: 'lease_expired' });
      await root.kill({ scope: 'point:price', reason: 'r', by: me });
      expect(served(root)).toEqual({ arm: 'v2', reason: 'killed' });
    });

    test('passes over the same bytes under another name', async () => {
      const root = await twoVersions();
      await register(root, 'twin', 2);
      for (const version of ['v2', 'twin'])
        await root.models.promote({ model: 'price', version, reason: 'r', by: me });
      await kill(root, 'twin');
      expect(served(root)).toEqual({ arm: 'v1', reason: 'policy' });
    });

    test('gives its share to the one before, and challengers no more than theirs', async () => {
      const root = await threeChampions();
      await register(root, 'v4', 4, { traffic: 0.25 });
      await kill(root, 'v3');
      expect(shares(root)).toEqual({ v2: expect.closeTo(0.75, 1), v4: expect.closeTo(0.25, 1) });
      await root.models.promote({ model: 'price', version: 'v2', traffic: 0.5, reason: 'r', by: me });
      expect(shares(root)).toEqual({ v2: expect.closeTo(0.75, 1), v4: expect.closeTo(0.25, 1) });
    });

    test.each<[string, Partial<PointSpec>]>([
      ['a fixed policy', { policy: { kind: 'fixed', arm: 'champion' } }],
      ['declared weights', { policy: { kind: 'split', weights: { v3: 1 } } }],
      ['a policy that learns', { policy: { kind: 'thompson' } }],
    ])('holds for %s', async (_what, more) => {
      const root = await threeChampions();
      await root.apply({ ...point, ...more }, me);
      await kill(root, 'v3');
      expect(served(root)).toEqual({ arm: 'v2', reason: 'policy' });
    });

    test('holds for a name that a rollback took', async () => {
      const root = await threeChampions();
      await root.apply({ ...point, policy: { kind: 'fixed', arm: 'v3' }, fallback: 'v3' }, me);
      await root.models.rollback({ model: 'price', reason: 'r', by: me });
      await kill(root, 'v2');
      expect(served(root)).toEqual({ arm: 'v1', reason: 'policy' });
    });

    test('leaves a fallback to the arm of a fixed baseline where no earlier champion lives', async () => {
      const root = await start('cloud');
      await register(root, 'v1', 1);
      await register(root, 'v2', 2, { traffic: 0.1 });
      await root.apply({ ...point, baseline: { kind: 'fixed', arm: 'v2' } }, me);
      await kill(root, 'v1');
      await root.kill({ scope: 'point:price', reason: 'r', by: me });
      expect(served(root)).toEqual({ arm: 'v2', reason: 'killed' });
      await kill(root, 'v2');
      expect(served(root)).toEqual({ arm: null, reason: 'blocked' });
    });

    test('blocks where nothing is left, and makes no challenger the fallback of itself', async () => {
      const root = await start('cloud');
      await register(root, 'v1', 1);
      await root.apply(point, me);
      await kill(root, 'v1');
      expect(served(root)).toEqual({ arm: null, reason: 'blocked' });
      await register(root, 'v2', 2, { traffic: 0.1 });
      expect(served(root)).toEqual({ arm: 'v2', reason: 'policy' });
      await root.kill({ scope: 'point:price', reason: 'r', by: me });
      expect(served(root)).toEqual({ arm: null, reason: 'blocked' });
    });

    test('at one node is its own: the others keep the champion', async () => {
      const root = await threeChampions();
      const child = await start('d1');
      const settle = linked(root, child);
      await settle();
      await kill(child, 'v3');
      await settle();
      expect(served(child)).toEqual({ arm: 'v2', reason: 'policy' });
      expect(served(root)).toEqual({ arm: 'v3', reason: 'policy' });
    });
  });

  test('bounds what it stops, whatever else there is', async () => {
    const root = await twoVersions();
    await root.apply(
      {
        point: 'other',
        arms: ['a'],
        fallback: 'a',
        policy: { kind: 'split' },
        oversight: { lease: 'none' },
      },
      me,
    );
    expect((await root.kill({ scope: 'artifact:price@v1', reason: 'r', by: me })).boundMs).not.toBeNull();
    expect((await root.kill({ scope: 'artifact:a', reason: 'r', by: me })).boundMs).toBeNull();
  });
});

describe('a rollback', () => {
  test('is a promotion of the champion before and a kill of this one: acknowledged like one', async () => {
    const root = await twoVersions();
    const child = await start('d1');
    const settle = linked(root, child);
    await root.models.promote({ model: 'price', version: 'v2', reason: 'better', by: me });
    await settle();
    expect(shares(child)).toEqual({ v2: expect.closeTo(1) });
    const back = await root.models.rollback({ model: 'price', reason: 'worse after all', by: me });
    expect(back).toMatchObject({ from: 'v2', to: 'v1', changed: true, boundMs: expect.any(Number) });
    expect(shares(root)).toEqual({ v1: expect.closeTo(1) });
    await settle();
    expect(shares(child)).toEqual({ v1: expect.closeTo(1) });
    const kill = root.controls().kills.find(({ tag }) => tag === back.tag);
    expect(kill).toMatchObject({ scope: 'artifact:price@v2', reason: 'worse after all' });
    expect(kill?.acknowledgements.map(({ node, state }) => [node, state])).toEqual([
      ['cloud', 'acknowledged'],
      ['d1', 'acknowledged'],
    ]);
    expect(stages(child)).toEqual({ v1: 'champion', v2: 'retired' });
    await expect(root.models.rollback({ model: 'price', reason: 'again', by: me })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  test.each<[string, Partial<PointSpec>]>([
    ['fallback', { fallback: 'v2' }],
    [
      'table of fallbacks',
      { fallback: { rules: [{ when: { arm: 'v2' }, arm: 'v2' }, { arm: 'champion' }] } },
    ],
    ['baseline', { baseline: { kind: 'fixed', arm: 'v2' } }],
    ['fixed policy', { policy: { kind: 'fixed', arm: 'v2' } }],
    ['rules', { policy: { kind: 'rules', rules: [{ arm: 'v2' }] } }],
    ['weights', { policy: { kind: 'split', weights: { v2: 1 } } }],
  ])(
    'serves where the %s of a point names what it takes away: the champion stands for it',
    async (_, named) => {
      const root = await twoVersions();
      const child = await start('d1');
      const settle = linked(root, child);
      await root.models.promote({ model: 'price', version: 'v2', reason: 'better', by: me });
      await root.apply(
        { ...point, context: { arm: { type: 'category', values: ['v2', 'z'] } }, ...named },
        me,
      );
      await settle();
      const served = (node: HandNode) =>
        ['v2', 'z'].map((arm) => {
          const made = node.decide('price', { unit: 'u', context: { arm } });
          return [made.arm, made.reason === 'blocked'];
        });
      expect(served(child)).toEqual([
        ['v2', false],
        ['v2', false],
      ]);
      await root.models.rollback({ model: 'price', reason: 'wrong prices', by: me });
      await settle();
      for (const node of [root, child]) {
        expect(served(node)).toEqual([
          ['v1', false],
          ['v1', false],
        ]);
        expect(node.report('price').arms.map(({ arm }) => arm)).toEqual(['v1']);
      }
      // What it names holds up no further change of the registry.
      await register(root, 'v3', 3);
      await root.models.promote({ model: 'price', version: 'v3', reason: 'mended', by: me });
      await settle();
      for (const node of [root, child])
        expect(served(node)).toEqual([
          ['v3', false],
          ['v3', false],
        ]);
    },
  );

  test('stops the bytes: they serve under no other name until the kill is taken back', async () => {
    const root = await twoVersions();
    await register(root, 'twin', 2, { traffic: 0.2 });
    await root.models.promote({ model: 'price', version: 'v2', reason: 'better', by: me });
    await root.models.rollback({ model: 'price', reason: 'wrong prices', by: me });
    expect(stages(root)).toEqual({ v1: 'champion', v2: 'retired', twin: 'retired' });
    await register(root, 'again', 2);
    const conflict = { code: 'version_conflict', mend: expect.stringContaining('artifact:price@v2') };
    for (const traffic of [undefined, 0.1])
      await expect(
        root.models.promote({ model: 'price', version: 'again', traffic, reason: 'new', by: me }),
      ).rejects.toMatchObject(conflict);
    await expect(register(root, 'more', 2, { traffic: 0.1 })).rejects.toMatchObject(conflict);
    expect(shares(root)).toEqual({ v1: expect.closeTo(1) });
    await root.revive({ scope: 'artifact:price@v2', reason: 'it was the feed', by: me });
    await root.models.promote({ model: 'price', version: 'again', reason: 'new', by: me });
    expect(stages(root).again).toBe('champion');
  });

  test('passes over the same bytes under another name', async () => {
    const root = await twoVersions();
    await register(root, 'twin', 2);
    for (const version of ['v2', 'twin'])
      await root.models.promote({ model: 'price', version, reason: 'r', by: me });
    expect(await root.models.rollback({ model: 'price', reason: 'r', by: me })).toMatchObject({
      from: 'twin',
      to: 'v1',
    });
  });

  test('passes over versions that are killed', async () => {
    const root = await twoVersions();
    await register(root, 'v3', 3);
    for (const version of ['v2', 'v3'])
      await root.models.promote({ model: 'price', version, reason: 'r', by: me });
    await root.kill({ scope: 'artifact:price@v2', reason: 'r', by: me });
    expect(await root.models.rollback({ model: 'price', reason: 'r', by: me })).toMatchObject({ to: 'v1' });
  });
});

describe('the registry', () => {
  test('survives a restart, with who did what', async () => {
    const disk = memoryDisk();
    const before = await twoVersions(disk);
    await before.models.promote({ model: 'price', version: 'v2', traffic: 0.25, reason: 'try', by: me });
    const known = before.models.list();
    disk.crash();
    const root = await start('cloud', disk);
    expect(root.models.list()).toEqual(known);
    expect(shares(root).v2).toBeCloseTo(0.25, 1);
    expect(root.audit().map(({ action }) => action)).toContain('model.challenge');
  });

  test('comes back from a child to a root with an empty disk', async () => {
    const old = await twoVersions();
    const child = await start('d1');
    await linked(old, child)();
    const root = await start('cloud');
    await linked(root, child)();
    expect(root.models.list()).toEqual(old.models.list());
  });

  test('takes nothing from a child otherwise', async () => {
    const root = await twoVersions();
    const child = await start('d1');
    const settle = linked(root, child);
    await settle();
    root.pass(60_000);
    const entry = child.state.controls.models.get('price')!;
    child.state.controls = {
      ...child.state.controls,
      models: new Map([['price', { ...entry, revision: 99, node: 'd1' }]]),
    };
    child.state.controlsDirty = true;
    await settle();
    expect(root.models.get('price')?.revision).toBe(2);
  });
});
