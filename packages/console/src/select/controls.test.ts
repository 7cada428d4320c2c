import { describe, expect, it } from 'vitest';
import { node, spec } from '../testing.ts';
import type { KillStatus } from '../wire.ts';
import { ackCounts, ackWords, foldedAcks, impactOf, killsOf, scopeChoices, scopeWords } from './controls.ts';

const NODES = [
  node('cloud', null),
  node('eu', 'cloud', { tier: 'region' }),
  node('d1', 'eu'),
  node('us', 'cloud', { tier: 'region' }),
].map((heard) => heard.value);
const CHECKOUT = spec({ domain: 'shop', oversight: { lease: '10s' } });
const SEARCH = spec({ point: 'search', oversight: { lease: '1m' } });
const HEATING = spec({ point: 'heating', oversight: { onExpiry: 'continue' } });
const SPECS = [CHECKOUT, SEARCH, HEATING];

function kill(
  scope: string,
  states: readonly KillStatus['acknowledgements'][number]['state'][] = [],
): KillStatus {
  const acknowledgements = states.map((state, i) => ({
    node: `n${i}`,
    state,
    afterMs: state === 'acknowledged' ? 10 * i : null,
  }));
  return {
    tag: `t-${scope}`,
    scope,
    reason: 'r',
    by: 'b',
    atMs: 1,
    origin: 'cloud',
    boundMs: 2,
    acknowledgements,
  };
}

describe('what a kill would stop', () => {
  const names = (scope: string) => {
    const impact = impactOf(scope, SPECS, NODES);
    return [impact.points.map((one) => one.point), impact.nodes.map((one) => one.node)];
  };

  it('is the point, the domain, the tier, the subtree of the node, or everything', () => {
    expect(names('point:checkout')).toEqual([['checkout'], ['cloud', 'eu', 'd1', 'us']]);
    expect(names('domain:shop')).toEqual([['checkout'], ['cloud', 'eu', 'd1', 'us']]);
    expect(names('domain:default')[0]).toEqual(['search', 'heating']);
    expect(names('tier:region')[1]).toEqual(['eu', 'us']);
    expect(names('node:eu')).toEqual([
      ['checkout', 'search', 'heating'],
      ['eu', 'd1'],
    ]);
    expect(names('*')).toEqual([
      ['checkout', 'search', 'heating'],
      ['cloud', 'eu', 'd1', 'us'],
    ]);
  });

  it('is bounded by the longest lease, and what has no bound is named beside it', () => {
    expect(impactOf('point:checkout', SPECS, NODES)).toMatchObject({ withinMs: 10_000, unbounded: [] });
    expect(impactOf('*', SPECS, NODES)).toMatchObject({ withinMs: 60_000, unbounded: ['heating'] });
    expect(impactOf('point:heating', SPECS, NODES)).toMatchObject({ withinMs: null, unbounded: ['heating'] });
  });

  it('offers only what there is', () => {
    expect(scopeChoices(SPECS, NODES)).toEqual({
      point: ['checkout', 'search', 'heating'],
      domain: ['shop', 'default'],
      node: ['cloud', 'eu', 'd1', 'us'],
      tier: ['cloud', 'region', 'device'],
    });
  });

  it('is said in words', () => {
    expect(['*', 'tier:device', 'point:checkout'].map(scopeWords)).toEqual([
      'everything',
      'every device',
      'the point checkout',
    ]);
  });
});

describe('how far a kill has got', () => {
  const mixed = kill('*', ['acknowledged', 'acknowledged', 'waiting', 'lease_expired', 'unbounded']);

  it('keeps acknowledged, expired and unbounded apart', () => {
    expect(ackCounts(mixed.acknowledgements)).toEqual({
      acknowledged: 2,
      waiting: 1,
      unknown: 0,
      leaseExpired: 1,
      unbounded: 1,
      lastAfterMs: 10,
    });
    expect(ackWords(mixed)).toBe(
      '2 of 5 nodes acknowledged, 1 stopped by an expired lease, 1 not heard yet, 1 without a bound',
    );
  });

  it('never counts a node as acknowledged that is not', () => {
    expect(ackWords(kill('*', ['lease_expired', 'lease_expired']))).toBe(
      '0 of 2 nodes acknowledged, 2 stopped by an expired lease',
    );
  });
});

it('a point is touched by kills of itself, its domain, a tier, a node and everything', () => {
  const scopes = [
    'point:checkout',
    'point:search',
    'domain:shop',
    'domain:default',
    'tier:device',
    'node:d1',
    '*',
    'artifact:m',
  ];
  const controls = {
    version: 'v',
    kills: scopes.map((scope) => kill(scope)),
    overrides: [],
    quarantined: [],
  };
  expect(killsOf(CHECKOUT, controls).map((one) => one.scope)).toEqual([
    'point:checkout',
    'domain:shop',
    'tier:device',
    'node:d1',
    '*',
  ]);
});

it('of a large tree those that have not acknowledged stand first, and the many that have are counted', () => {
  const acks = Array.from({ length: 200 }, (_, i) => ({
    node: `n${i}`,
    state: i % 50 === 49 ? ('waiting' as const) : ('acknowledged' as const),
    afterMs: i,
  }));
  const { rows, folded } = foldedAcks(acks);
  expect(rows.slice(0, 4).every(({ state }) => state === 'waiting')).toBe(true);
  expect([rows.length, rows.length + folded.length]).toEqual([24, 200]);
  expect(folded.every(({ state }) => state === 'acknowledged')).toBe(true);
  expect(foldedAcks(acks.slice(0, 24))).toEqual({ rows: acks.slice(0, 24), folded: [] });
});
