import type { PointSpec } from '@ganglion/core';

/** A point whose context shows features of users and items. */
export const OFFER: PointSpec = {
  point: 'offer',
  arms: ['a', 'b'],
  fallback: 'a',
  domain: 'shop',
  features: {
    user: {
      ttl: '30d',
      define: {
        clicks: { count: 'click' },
        clicks_1h: { rate: 'click', halfLife: '1h', per: '1h' },
        seen: { distinct: 'item', of: 'click' },
        device: { latest: 'device', of: 'click' },
      },
    },
    item: { key: 'context.item', define: { clicks: { window: 'click', for: '1h' } } },
  },
  context: {
    clicks: { feature: 'user.clicks', default: 0, min: 0, max: 100 },
    pace: { feature: 'user.clicks_1h', default: 0, min: 0, max: 100 },
    device: { feature: 'user.device', values: ['phone', 'desk'] },
    popular: { feature: 'item.clicks', default: 0, min: 0, max: 1000 },
  },
  policy: { kind: 'linear-thompson' },
};
