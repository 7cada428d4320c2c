import type { KindSpec, PointSpec } from '@ganglion/core';
import { memoryNode } from '../lib/network.ts';
import { BENCH } from '../lib/point.ts';
import type { Subject } from '../lib/sample.ts';

const MANY = 1000;
const VARIANTS = { control: { arm: 'a' }, treatment: { arm: 'b' } };

const point = (name: string, guards: KindSpec[]): PointSpec => ({
  point: name,
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'a' },
  // What a decision costs, not what a million that await their outcome do to the heap.
  pending: 256,
  guards,
});

/** The same thousand points, without experiments and with one each; and one point with a thousand. */
export async function subjects(): Promise<Subject[]> {
  const units = Array.from({ length: 1024 }, (_, i) => ({ unit: `user-${i * 7919}` }));
  const names = Array.from({ length: MANY }, (_, i) => `p${i}`);
  const over = async (guards: (name: string) => KindSpec[]): Promise<Subject['run']> => {
    const node = await memoryNode('bench', 'cloud', true);
    for (const name of names) await node.apply(point(name, guards(name)), BENCH);
    return (count, offset) => {
      for (let i = offset; i < offset + count; i++) node.decide(names[i % MANY], units[i & 1023]);
    };
  };
  const one = async (guards: KindSpec[]): Promise<Subject['run']> => {
    const node = await memoryNode('bench', 'cloud', true);
    await node.apply(point('p', guards), BENCH);
    return (count, offset) => {
      for (let i = offset; i < offset + count; i++) node.decide('p', units[i & 1023]);
    };
  };
  const of = names.map((name) => ({ name, share: 1 / MANY, variants: VARIANTS }));
  return [
    { name: 'one point, no experiment', run: await one([]) },
    { name: `one point, ${MANY} experiments`, run: await one([{ kind: 'experiment', of }]) },
    { name: `${MANY} points in turn, no experiment`, run: await over(() => []) },
    {
      name: `${MANY} points in turn, an experiment each`,
      run: await over((name) => [{ kind: 'experiment', name, variants: VARIANTS }]),
    },
  ];
}
