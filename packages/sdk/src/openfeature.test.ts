import { standard } from '@ganglion/core/presets';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embedNode } from './embed.ts';
import { ganglionProvider } from './openfeature.ts';

const base = { fallback: 'a', policy: { kind: 'fixed', arm: 'b' } } as const;
let node: Awaited<ReturnType<typeof embedNode>>;
const client = OpenFeature.getClient('embedded');
beforeAll(async () => {
  node = await embedNode({
    name: 'app',
    registry: standard,
    points: [
      {
        ...base,
        point: 'colour',
        arms: ['a', { id: 'b', features: { hex: '#00f', weight: 2 } }],
        context: { region: { type: 'category', values: ['eu', 'us'] }, load: { type: 'number', min: 0 } },
        objective: { click: 1 },
      },
      { ...base, point: 'plain', arms: ['a', 'b'] },
      { ...base, point: 'shop', arms: ['a', 'b'], objective: { click: 1, revenue: 0.1, range: [0, 10] } },
      {
        ...base,
        point: 'dark',
        arms: ['true', 'false'],
        fallback: 'false',
        policy: { kind: 'fixed', arm: 'true' },
      },
      { ...base, point: 'size', arms: ['16', '64'], fallback: '16', policy: { kind: 'fixed', arm: '64' } },
    ],
  });
  await OpenFeature.setProviderAndWait('embedded', ganglionProvider(node, { flushMs: 1 }));
});
afterAll(async () => {
  await OpenFeature.close();
  await node.close();
});

const outcomes = (point: string) => node.report(point).outcomes;
const eventually = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('evaluation', () => {
  it('of each type gives value, variant, reason and the decision’s id', async () => {
    const details = await client.getStringDetails('colour', 'x', {
      targetingKey: 'u',
      region: 'eu',
      more: 'ignored',
    });
    expect(details).toMatchObject({
      value: 'b',
      variant: 'b',
      reason: 'SPLIT',
      flagMetadata: { decisionReason: 'policy', propensity: 1 },
    });
    expect(await client.getBooleanValue('dark', false)).toBe(true);
    expect(await client.getNumberValue('size', 0)).toBe(64);
    expect(await client.getObjectValue('colour', {})).toEqual({ hex: '#00f', weight: 2 });
  });

  it('that fails gives the default and says why', async () => {
    expect(await client.getStringDetails('nowhere', 'x')).toMatchObject({
      value: 'x',
      errorCode: 'FLAG_NOT_FOUND',
      reason: 'ERROR',
    });
    expect(await client.getStringDetails('colour', 'x', { load: -1 })).toMatchObject({
      value: 'x',
      errorCode: 'INVALID_CONTEXT',
    });
  });

  it('of the wrong type gives the default, and decides nothing', async () => {
    const before = node.report('colour').decisions;
    expect(await client.getBooleanDetails('colour', true)).toMatchObject({
      value: true,
      errorCode: 'TYPE_MISMATCH',
    });
    expect(await client.getObjectDetails('plain', { a: 1 })).toMatchObject({
      value: { a: 1 },
      errorCode: 'TYPE_MISMATCH',
    });
    expect(node.report('colour').decisions).toBe(before);
  });

  it('while a kill stands gives the fallback, as disabled', async () => {
    const by = { name: 'tester', authority: 'app' };
    await node.kill({ scope: 'point:dark', reason: 'r', by });
    expect(await client.getBooleanDetails('dark', true)).toMatchObject({ value: false, reason: 'DISABLED' });
    await node.revive({ scope: 'point:dark', reason: 'r', by });
  });

  it('under an override gives the pinned arm, as targeted', async () => {
    const by = { name: 'tester', authority: 'app' };
    await node.override({ point: 'size', arm: '16', reason: 'r', by });
    expect(await client.getNumberDetails('size', 0)).toMatchObject({ value: 16, reason: 'TARGETING_MATCH' });
    await node.removeOverride({ point: 'size', reason: 'r', by });
  });
});

it('options that are none are refused', () => {
  for (const [field, options] of [
    ['flushMS', { flushMS: 5 }],
    ['flushMs', { flushMs: Number.NaN }],
    ['units', { units: -1 }],
    ['recheckMs', { recheckMs: 0 }],
    ['onError', { onError: 'log' }],
  ] as const)
    expect(() => ganglionProvider(node, options as object)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    );
});

describe('tracking', () => {
  it('is feedback to the unit’s last decision, where the objective knows the event', async () => {
    const before = [outcomes('shop'), outcomes('plain')];
    await client.getStringValue('shop', 'x', { targetingKey: 'buyer' });
    await client.getStringValue('plain', 'x', { targetingKey: 'buyer' });
    client.track('click', { targetingKey: 'buyer' }, { revenue: 3, visits: 7 });
    await eventually(() => outcomes('shop') === before[0] + 1);
    expect(outcomes('plain')).toBe(before[1]);
  });

  it('counts an event told twice once', async () => {
    const before = outcomes('colour');
    await client.getStringValue('colour', 'x', { targetingKey: 'twice' });
    client.track('click', { targetingKey: 'twice' });
    client.track('click', { targetingKey: 'twice' });
    await eventually(() => outcomes('colour') === before + 1);
    expect(node.report('colour').outcomes).toBe(before + 1);
  });

  it('may name the decision, or the point', async () => {
    const before = [outcomes('colour'), outcomes('plain')];
    const { flagMetadata } = await client.getStringDetails('colour', 'x');
    client.track('click', {}, { decisionId: flagMetadata.decisionId as string });
    await client.getStringValue('plain', 'x', { targetingKey: 'v' });
    client.track('reward', { targetingKey: 'v' }, { point: 'plain', value: 0.5 });
    await eventually(() => outcomes('colour') === before[0] + 1 && outcomes('plain') === before[1] + 1);
  });

  it('of an event that is a slip away from a metric is said, and so is a value that is none', async () => {
    const errors: unknown[] = [];
    const hearing = ganglionProvider(node, { flushMs: 1, onError: (error) => errors.push(error) });
    await OpenFeature.setProviderAndWait('hearing', hearing);
    const flags = OpenFeature.getClient('hearing');
    await flags.getStringValue('shop', 'x', { targetingKey: 'slip' });
    flags.track('clikc', { targetingKey: 'slip' });
    flags.track('page_view', { targetingKey: 'slip' });
    flags.track('revenue', { targetingKey: 'slip' }, { value: Number.NaN });
    expect(errors).toMatchObject([
      { code: 'invalid_input', field: 'event', value: '"clikc"', mend: expect.stringContaining('click') },
      { code: 'invalid_input', field: 'value', value: 'NaN' },
    ]);
    const before = outcomes('shop');
    flags.track('click', { targetingKey: 'slip' }, { revenue: 2, visits: Number.NaN });
    await eventually(() => outcomes('shop') === before + 1);
  });

  it('of an unknown unit or event is nothing, and never throws', () => {
    client.track('click', { targetingKey: 'nobody' });
    client.track('gossip', { targetingKey: 'buyer' });
    client.track('click', {});
  });
});
