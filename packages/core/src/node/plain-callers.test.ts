import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { createNode, type HostedNode } from '../node.ts';
import type { Actor, DecideInput } from '../node-api.ts';
import { standard } from '../presets/standard.ts';

const me: Actor = { name: 'me', authority: '*' };
const spec: PointSpec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'b' },
  sticky: { for: '1h' },
  guards: [{ kind: 'holdout', share: '50%' }],
};

const options = (more: object = {}): Parameters<typeof createNode>[0] => ({
  name: 'cloud',
  tier: 'cloud',
  root: true,
  registry: standard,
  ports: { clock: { monotonicMs: () => 1000, wallMs: () => 1000 }, chance: { uint32: () => 1 } },
  ...more,
});

async function start(): Promise<HostedNode> {
  const node = await createNode(options());
  await node.apply(spec, me);
  return node;
}

/** What no compiler has seen. */
const plain = (input: unknown): DecideInput => input as DecideInput;

describe('who calls from plain JavaScript', () => {
  test.each([
    [{ unit: 5 }, 'unit is 5; it must be text'],
    [{ unit: 0 }, 'unit is 0; it must be text'],
    [{ unit: {} }, 'unit is {}; it must be text'],
    [{ episode: 7n }, 'episode is 7; it must be text'],
    ['u1', 'the input is "u1"; it must be an object such as {"unit": …, "context": …}'],
  ])('and names nobody by %o gets the fallback, and is told why', async (input, why) => {
    const node = await start();
    const made = node.decide('p', plain(input));
    expect(made).toMatchObject({ reason: 'invalid_context', arm: 'a', stratum: '' });
    expect(made.trail).toContainEqual({ guard: 'context', kind: 'block', why });
    expect(await node.decideAsync('p', plain(input))).toMatchObject({ reason: 'invalid_context' });
  });

  test('may give null for nobody', async () => {
    const node = await start();
    expect(node.decide('p', plain({ unit: null, episode: null })).reason).not.toBe('invalid_context');
  });

  test('an input that cannot be read is answered all the same', async () => {
    const node = await start();
    const input = Object.defineProperty({}, 'unit', {
      get() {
        throw new Error('gone');
      },
    });
    const made = node.decide('p', plain(input));
    expect(made).toMatchObject({ reason: 'invalid_context', arm: 'a' });
    expect(made.trail).toContainEqual(expect.objectContaining({ why: 'the input cannot be read: gone' }));
  });

  test('is refused by name where a node, an actor or a list is none', async () => {
    const bad = (field: string) => expect.objectContaining({ code: 'invalid_input', field });
    await expect(createNode(options({ name: undefined }))).rejects.toEqual(bad('name'));
    await expect(createNode(options({ registry: undefined }))).rejects.toEqual(bad('registry'));
    const node = await start();
    const kill = { scope: 'point:p', reason: 'r' } as Parameters<HostedNode['kill']>[0];
    await expect(node.kill(kill)).rejects.toEqual(bad('by'));
    await expect(node.feedback({ id: 'x' } as never)).rejects.toEqual(bad('items'));
    await expect(node.expose('x' as never)).rejects.toEqual(bad('ids'));
    await expect(node.ingest({ id: 'x' } as never)).rejects.toEqual(bad('events'));
  });
});
