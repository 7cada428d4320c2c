import { standard } from '@ganglion/core/presets';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createClient } from './client.ts';
import { type EmbedOptions, embedNode } from './embed.ts';

const bad = (field: string, mend: RegExp) =>
  expect.objectContaining({ code: 'invalid_input', field, mend: expect.stringMatching(mend) });

afterEach(() => vi.unstubAllGlobals());

describe('an option that is none', () => {
  test('of a node: a misspelt parent would make it a root that no kill reaches', async () => {
    const options = { name: 'x', registry: standard, parnet: { url: 'http://127.0.0.1:1' } };
    await expect(embedNode(options as EmbedOptions)).rejects.toEqual(bad('parnet', /Did you mean parent\?/));
    const parent = { url: 'http://127.0.0.1:1', tokne: 'secret' };
    const linked = { name: 'x', registry: standard, parent } as EmbedOptions;
    await expect(embedNode(linked)).rejects.toEqual(bad('parent.tokne', /Did you mean token\?/));
    await expect(embedNode(undefined as never)).rejects.toEqual(bad('options', /name, tier, registry/));
  });

  test('of a client', () => {
    expect(() => createClient({ timeoutMS: 5 } as object)).toThrow(
      bad('timeoutMS', /Did you mean timeoutMs\?/),
    );
    expect(() => createClient('http://127.0.0.1:1' as unknown as object)).toThrow(
      bad('options', /url, token/),
    );
  });

  test('that is undefined is not there', async () => {
    const options = { name: 'x', registry: standard, parnet: undefined } as EmbedOptions;
    await (await embedNode(options)).close();
  });
});

describe('an option that cannot be', () => {
  const node = { name: 'x', registry: standard };
  const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'fixed', arm: 'b' } };
  const parent = { url: 'http://127.0.0.1:1' };

  test.each<[string, object, RegExp]>([
    ['timeoutMs', { timeoutMs: -5 }, /whole|number/],
    ['timeoutMs', { timeoutMs: Number.NaN }, /number/],
    ['timeoutMs', { timeoutMs: Number.POSITIVE_INFINITY }, /2147483647/],
    ['retries', { retries: -1 }, /0 or more/],
    ['retries', { retries: 1.5 }, /whole/],
    ['fetch', { fetch: 'undici' }, /function/],
    ['token', { token: 'first\nsecond' }, /one line/],
    ['token', { token: 7 }, /text/],
    ['actor', { actor: 'Žofie' }, /Latin/],
  ])('of a client: %s', (field, options, mend) => {
    expect(() => createClient(options)).toThrow(bad(field, mend));
  });

  test.each<[string, object, RegExp]>([
    ['tier', { tier: 'phone' }, /device, region, cloud/],
    ['tickMs', { tickMs: -1 }, /number/],
    ['tickMs', { tickMs: Number.NaN }, /number/],
    ['closeWithinMs', { closeWithinMs: -1 }, /0 or more/],
    ['registry', { registry: [] }, /standard/],
    ['registry', { registry: { policies: {} } }, /standard/],
    ['points', { points: {} }, /list/],
    ['points[0]', { points: [null] }, /declaration/],
    ['points[1]', { points: [spec, 'p'] }, /declaration/],
    ['points[1].point', { points: [spec, { ...spec, fallback: 'b' }] }, /one of them/],
    ['storage', { storage: './x.db' }, /sqliteStorage/],
    ['storage', { storage: Promise.resolve({}) }, /await/],
    ['clock', { clock: {} }, /monotonicMs.*wallMs/],
    ['chance', { chance: Math.random }, /uint32/],
    ['seals', { seals: 'secret' }, /seal.*verify/],
    ['kernels', { kernels: Promise.resolve({}) }, /await/],
    ['parent.token', { parent: { ...parent, token: 'a\nb' } }, /one line/],
    ['parent.deadAfterMs', { parent: { ...parent, deadAfterMs: 0 } }, /number/],
    ['parent.onTrouble', { parent: { ...parent, onTrouble: 'log' } }, /function/],
  ])('of a node: %s', async (field, options, mend) => {
    await expect(embedNode({ ...node, ...options } as EmbedOptions)).rejects.toEqual(bad(field, mend));
  });

  test('shows its value, but for a token', async () => {
    expect(() => createClient({ timeoutMs: -5 })).toThrow(expect.objectContaining({ value: '-5' }));
    expect(() => createClient({ token: 'a\nb' })).toThrow(expect.objectContaining({ value: undefined }));
  });

  test('points are a root’s: below a parent they are refused', async () => {
    const options = { ...node, parent, points: [spec] } as EmbedOptions;
    await expect(embedNode(options)).rejects.toMatchObject({
      code: 'forbidden',
      field: 'points',
      mend: expect.stringMatching(/PUT \/v1\/points|client\.points\.apply/),
    });
    await (await embedNode({ ...node, parent, points: [] })).close();
  });

  test('the same point declared twice alike is declared once', async () => {
    const twice = await embedNode({ ...node, points: [spec, { ...spec }] } as EmbedOptions);
    expect(twice.points()).toHaveLength(1);
    await twice.close();
  });

  test('a declaration that is no JSON is refused as every wrong one is', async () => {
    const circle: Record<string, unknown> = { ...spec };
    circle.objective = circle;
    for (const wrong of [{ ...spec, seed: 7n }, circle])
      for (const points of [[wrong], [wrong, wrong]])
        await expect(embedNode({ ...node, points } as never)).rejects.toMatchObject({ code: 'invalid_spec' });
  });
});

test('a platform without WebSocket is told what a parent needs', async () => {
  vi.stubGlobal('WebSocket', undefined);
  const options = { name: 'x', registry: standard, parent: { url: 'http://127.0.0.1:1' } };
  await expect(embedNode(options)).rejects.toMatchObject({ code: 'unsupported', field: 'parent' });
});
