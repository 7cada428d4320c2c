import { createNode, type HostedNode, type IngestEvent, type PointSpec, type Storage } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';

/** Entities that decisions and events are about: more than a processor's nearest cache holds. */
export const ENTITIES = 16_384;

export const DEFINE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  views: { count: 'view' },
  spent: { count: 'view', sum: 'amount' },
  views_1h: { rate: 'view', halfLife: '1h', per: '1h' },
  views_1d: { rate: 'view', halfLife: '1d', per: '1d' },
  recent: { window: 'view', for: '10m', buckets: 10 },
  mean: { last: 'amount', of: 'view', n: 5, as: 'mean' },
  latest: { last: 'amount', of: 'view' },
  share: { ratio: ['spent', 'views'] },
};

/** A point whose context shows these features, or has as many fields that show none. */
export function pointWith(name: string, shown: readonly string[], fields = shown.length): PointSpec {
  const define = Object.fromEntries(Object.keys(DEFINE).map((feature) => [feature, DEFINE[feature]]));
  return {
    point: name,
    arms: ['a', 'b', 'c', 'd'],
    fallback: 'a',
    policy: { kind: 'split' },
    oversight: { lease: 'none' },
    ...(shown.length === 0 ? {} : { features: { user: { maxEntities: 1_000_000, define } } }),
    context: Object.fromEntries(
      Array.from({ length: fields }, (_, i) => [
        `f${i}`,
        i < shown.length ? { feature: `user.${shown[i]}`, default: 0 } : { type: 'number' },
      ]),
    ),
  };
}

let word = 12345;
/** A root of its own in this process. */
export async function rootNode(points: readonly PointSpec[], storage?: Storage): Promise<HostedNode> {
  const node = await createNode({
    name: 'bench',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      chance: {
        uint32: () => {
          word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
          return word;
        },
      },
      storage,
    },
  });
  for (const point of points) await node.apply(point, { name: 'bench', authority: '*' });
  return node;
}

let lastId = 0;
/** Events about entities in turn, each with an id of its own. */
export function events(count: number, from = 0): IngestEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `e${lastId++}`,
    type: 'view',
    entity: `user:u${(from + i) % ENTITIES}`,
    data: { amount: (i % 50) + 0.5 },
  }));
}
