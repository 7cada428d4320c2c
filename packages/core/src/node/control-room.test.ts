import { describe, expect, test } from 'vitest';
import { encodeControls } from '../controls/control-codec.ts';
import { isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { decodeMessage, encodeMessage } from '../sync/codec.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { me as by, byHand, handNode, join, settle } from '../testing/hand-node.ts';
import { spokenChild } from '../testing/spoken-child.ts';
import { controlBytes } from './control-room.ts';

const MESSAGE = 3 << 19;
const limits = { ...DEFAULT_LIMITS, messageBytes: MESSAGE };
const spec = (n: number, bytes = 30_000) => ({
  point: `p${n}`,
  arms: [{ id: 'a', features: { says: 'ü'.repeat(bytes / 2) } }, 'b'],
  fallback: 'a',
  context: { region: { type: 'category' } as const },
  policy: { kind: 'thompson' },
});

/** A root and a child of it, over a link that takes what a real one takes. */
async function tree() {
  const hand = byHand();
  // From the first it believes children for no more than what is theirs to say.
  const tuning = { restartGraceMs: 0 };
  const root = await handNode({ hand, limits, tuning });
  const child = await handNode({ name: 'dev', hand, limits, tuning });
  const lengths: number[] = [];
  const carry = (message: UpMessage | DownMessage) => {
    const bytes = encodeMessage(message);
    lengths.push(bytes.length);
    return decodeMessage(bytes, limits).message;
  };
  join(root, child, {
    up: (message) => carry(message) as UpMessage,
    down: (message) => carry(message) as DownMessage,
  });
  const pass = (): Promise<void> => settle([root, child], 4000, 250);
  /** Declares points until there is no room, and returns what the first one too many was told. */
  const fill = async (): Promise<unknown> => {
    for (let n = 0; ; n++)
      try {
        await root.apply(spec(n), by);
      } catch (error) {
        return error;
      }
  };
  return { root, child, pass, fill, lengths };
}

describe('controls', () => {
  test('that could not be sent are refused before they are said, and children go on hearing', async () => {
    const { root, child, pass, fill, lengths } = await tree();
    const error = await fill();
    expect(isGanglionError(error, 'overloaded')).toBe(true);
    const { field, value, mend } = error as { field: string; value: string; mend: string };
    expect([field, value]).toEqual(['point', expect.stringContaining('p')]);
    expect(mend).toContain('delete points');
    const bytes = controlBytes(root.state, root.state.controls);
    expect(bytes).toBeGreaterThan(0.72 * MESSAGE);
    expect(bytes).toBeLessThanOrEqual(0.75 * MESSAGE);
    await pass();
    expect(child.state.durableDigest).toBe(root.state.durableDigest);
    expect(Math.max(...lengths)).toBeLessThan(MESSAGE);
    expect(child.decide('p0').reason).not.toBe('lease_expired');
  });

  test('leave room for kills, and children hear of them; what makes them smaller is never refused', async () => {
    const { root, child, pass, fill } = await tree();
    await fill();
    const region = Array.from({ length: 20 }, (_, i) => `${'r'.repeat(60)}${i}`);
    const override = { point: 'p0', arm: 'b', segment: { region }, reason: 'r', by };
    const pin = async (): Promise<void> => {
      for (;;) await root.override(override);
    };
    await expect(pin()).rejects.toMatchObject({ code: 'overloaded', field: 'point', value: '"p0"' });
    await root.kill({ scope: 'point:p1', reason: 'x'.repeat(1000), by });
    await root.reset({ point: 'p2', reason: 'r', by });
    await pass();
    expect(child.decide('p1').reason).toBe('killed');
    await root.revive({ scope: 'point:p1', reason: 'r', by });
    await root.remove('p3', by);
    await root.apply(spec(3, 100), by);
    await pass();
    expect(child.state.durableDigest).toBe(root.state.durableDigest);
  });

  test('of children fill what is left, and no more: their kills before all else they say', async () => {
    const { root, child, pass, fill, lengths } = await tree();
    await fill();
    const said = { subtree: 'loud', reason: 'x'.repeat(1000), by: 'b', atMs: 1 };
    const tags = Array.from({ length: 200 }, (_, i) => `loud~x1~${i}`);
    const nothing = { kills: [], overrides: [], quarantines: [], removed: [], specs: [], resets: [] };
    const pin = { ...said, point: 'p0', arm: 'a', segment: { unit: 'x'.repeat(1000) }, expiresMs: null };
    const loud = spokenChild(root, 'loud');
    loud.say({
      controls: {
        ...nothing,
        kills: [{ ...said, tag: 'loud~x1~900', scope: 'point:p5' }],
        overrides: tags.map((tag) => ({ ...pin, tag })),
      },
    });
    expect(root.controls().kills).toHaveLength(1);
    expect(root.controls().overrides).toHaveLength(0);
    expect(root.state.refused.too_many_controls).toBeGreaterThan(0);
    await pass();
    expect(child.state.durableDigest).toBe(root.state.durableDigest);
    expect(Math.max(...lengths)).toBeLessThan(MESSAGE);
  });

  test('are measured as what they are when they are sent, and never as less', async () => {
    const { root } = await tree();
    for (let n = 0; n < 5; n++) await root.apply(spec(n), by);
    await root.kill({ scope: '*', reason: '"ü"\n', by });
    await root.kill({ scope: 'point:p1', reason: 'r', by });
    await root.revive({ scope: '*', reason: 'r', by });
    await root.override({ point: 'p0', arm: 'b', segment: { region: ['eu', 'ü'] }, reason: 'r', by });
    await root.reset({ point: 'p0', reason: 'r', by });
    const sent = new TextEncoder().encode(JSON.stringify(encodeControls(root.state.controls))).length;
    const measured = controlBytes(root.state, root.state.controls);
    expect(measured).toBeGreaterThanOrEqual(sent);
    expect(measured).toBeLessThan(sent * 1.05 + 512);
  });
});
