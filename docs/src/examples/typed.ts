import { definePoint, type GanglionNode } from '@ganglion/core';

export const search = definePoint({
  point: 'search',
  arms: ['lexical', 'semantic'],
  fallback: 'lexical',
  context: {
    words: { type: 'number', required: true },
    market: { type: 'category', values: ['eu', 'us'] },
    agent: { type: 'category', buckets: 4 },
  },
  policy: { kind: 'thompson' },
});

export function ask(node: GanglionNode): 'lexical' | 'semantic' {
  const point = node.use(search);
  // @ts-expect-error -- not a number
  point.decide({ context: { words: '3' } });
  // @ts-expect-error -- not a declared value
  point.decide({ context: { words: 3, market: 'asia' } });
  // @ts-expect-error -- no such field
  point.decide({ context: { words: 3, markt: 'eu' } });
  // @ts-expect-error -- words are required
  point.decide({ unit: 'user-42' });

  const decision = point.decide({ context: { words: 3, market: 'eu', agent: 'Firefox' } });
  return decision.reason === 'blocked' ? 'lexical' : decision.arm; // no longer null
}
