import { describe, expect, test } from 'vitest';
import { decodeControls, encodeControls } from '../controls/control-codec.ts';
import type { PointSpec } from '../decision/spec.ts';
import { decodeMessage, encodeMessage } from '../sync/codec.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { byHand, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';
import { bytesJson, jsonBytes } from './json-bytes.ts';

const INHERITED = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'];
const spec = (arms: readonly string[], rest: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms,
  fallback: arms[0],
  policy: { kind: 'thompson' },
  ...rest,
});

/** A root on a disk and a child below it, over a link that takes what a real one takes. */
async function tree(disk: MemoryDisk = memoryDisk()) {
  const hand = byHand();
  const [root, child] = [await handNode({ hand, disk }), await handNode({ name: 'dev', hand })];
  join(root, child, {
    up: (message) => decodeMessage(encodeMessage(message), root.state.limits).message as UpMessage,
    down: (message) => decodeMessage(encodeMessage(message), child.state.limits).message as DownMessage,
  });
  const pass = (): Promise<void> => settle([root, child], 10_000, 250);
  return { root, child, pass };
}

describe('names that every object inherits', () => {
  test('are arms like others: children hear of them, they come back under a new generation, the root starts again', async () => {
    const disk = memoryDisk();
    const { root, child, pass } = await tree(disk);
    await root.apply(spec(INHERITED), me);
    await root.apply(spec(['a']), me);
    await root.apply(spec(['a', ...INHERITED]), me);
    await pass();
    const { generations } = root.state.controls.specs.get('p')!;
    expect({ ...generations }).toEqual({ a: 0, ...Object.fromEntries(INHERITED.map((arm) => [arm, 1])) });
    expect(root.state.points.get('p')!.compiled.arms.map(({ key }) => key)).toEqual([
      'a#0',
      ...INHERITED.map((arm) => `${arm}#1`),
    ]);
    expect(child.state.refused.undecodable_controls).toBeUndefined();
    expect(child.state.durableDigest).toBe(root.state.durableDigest);
    expect(child.decide('p').reason).not.toBe('lease_expired');
    const before = root.state.durableDigest;
    await root.close();
    expect((await tree(disk)).root.state.durableDigest).toBe(before);
  });

  test('a generation that an older version spoiled is set right on start and on the link, and counted', async () => {
    const disk = memoryDisk();
    const first = await tree(disk);
    await first.root.apply(spec(['constructor', 'b']), me);
    await first.root.kill({ scope: 'point:q', reason: 'r', by: me });
    await first.root.close();
    const store = disk.open();
    const [entry] = (await store.load()).filter(({ collection }) => collection === 'controls');
    const json = bytesJson(entry.value, 1 << 20) as { specs: { generations: Record<string, unknown> }[] };
    Object.assign(json.specs[0].generations, { constructor: `${Object}1` });
    await store.commit([{ kind: 'put', collection: 'controls', key: entry.key, value: jsonBytes(json) }]);
    await store.close();
    const { root, child, pass } = await tree(disk);
    expect(root.state.refused.generation_set_right).toBe(1);
    expect(root.controls().kills).toHaveLength(1);
    await pass();
    expect(child.state.durableDigest).toBe(root.state.durableDigest);
    const heard = decodeControls(json, root.state.limits);
    expect(encodeControls(heard)).toEqual(encodeControls(root.state.controls));
  });

  test('are metrics of an objective and its defaults like others: one without a default is named', async () => {
    const { root } = await tree();
    const declared = (defaults: Record<string, number>) =>
      root.apply(
        spec(['a', 'b'], {
          objective: { toString: 1, success: 1, range: [0, 2] } as never,
          attribution: { window: 1000, default: defaults },
        }),
        me,
      );
    await expect(declared({ success: 0 })).rejects.toThrow(/lacks toString/);
    await declared({ success: 0, toString: 0 });
  });
});
