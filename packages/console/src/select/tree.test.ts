import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../state/model.ts';
import { LIVE, LOST, node } from '../testing.ts';
import {
  foldedRows,
  foldsAway,
  healthCounts,
  healthOf,
  leaseOf,
  NODE_STALE_MS,
  syncAgeOf,
  treeRows,
} from './tree.ts';

describe('the tree of nodes', () => {
  it('puts children under their parents, siblings by name with numbers as numbers', () => {
    const rows = treeRows([node('eu', 'cloud'), node('d10', 'eu'), node('d2', 'eu'), node('cloud', null)]);
    expect(rows.map((row) => [row.heard.value.node, row.depth, row.last])).toEqual([
      ['cloud', 0, true],
      ['eu', 1, true],
      ['d2', 2, false],
      ['d10', 2, true],
    ]);
  });

  it('shows every node exactly once, whatever the parents claim', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.constantFrom(...names, 'elsewhere')), { minLength: 5, maxLength: 5 }),
        (parents) => {
          const rows = treeRows(names.map((name, i) => node(name, parents[i])));
          expect(rows.map((row) => row.heard.value.node).sort()).toEqual(names);
        },
      ),
    );
  });
});

describe('a large tree', () => {
  const devices = Array.from({ length: 40 }, (_, i) =>
    node(`d${i}`, 'eu', i === 7 ? { health: 'degraded' } : {}),
  );
  const rows = treeRows([node('cloud', null), node('eu', 'cloud'), node('us', 'cloud'), ...devices]);
  const shown = (connection: Connection, nowMs: number) =>
    foldedRows(rows, ({ heard }) => foldsAway(heard, connection, nowMs)).map((row) =>
      'count' in row ? [row.parent, row.count] : row.heard.value.node,
    );

  it('names whoever has children or is not healthy, and counts the rest by parent', () => {
    expect(shown(LIVE, 0)).toEqual(['cloud', 'eu', 'd7', ['eu', 39], ['cloud', 1]]);
    expect(shown(LIVE, NODE_STALE_MS + 1)).toHaveLength(rows.length);
  });

  it('stays as it was for a page that is cut off, where nobody is known to be healthy any more', () => {
    const hourMs = 3_600_000;
    for (const state of ['lost', 'unauthorized'] as const)
      expect(shown({ ...LOST, state, lastHeardMs: 1_000 }, hourMs)).toEqual(shown(LIVE, 1_000));
    // Who had been silent before stands by name still.
    expect(shown({ ...LOST, lastHeardMs: NODE_STALE_MS + 1 }, hourMs)).toHaveLength(rows.length);
  });

  it('folds nothing while it is small', () => {
    expect(foldedRows(rows.slice(0, 5), () => true)).toEqual(rows.slice(0, 5));
  });
});

describe('health', () => {
  it('is unknown, never healthy, once a node or the page has gone silent', () => {
    const heard = node('d', 'cloud');
    expect(healthOf(heard, LIVE, 1000).state).toBe('healthy');
    expect(healthOf(heard, LIVE, NODE_STALE_MS + 1).state).toBe('unknown');
    expect(healthOf(heard, LOST, 0).state).toBe('unknown');
    expect(healthOf(node('d', 'cloud', { ageMs: NODE_STALE_MS }), LIVE, 1).state).toBe('unknown');
  });

  it('is counted by what is shown', () => {
    const nodes = [
      node('a', null),
      node('b', 'a', { health: 'degraded' }),
      node('c', 'a', { health: 'unknown' }),
    ];
    expect(healthCounts(nodes, LIVE, 0)).toEqual({ healthy: 1, degraded: 1, unknown: 1 });
    expect(healthCounts(nodes, LOST, 0)).toEqual({ healthy: 0, degraded: 0, unknown: 3 });
  });
});

describe('a lease', () => {
  it('runs on from when it was heard, and out', () => {
    const heard = node('d', 'cloud', { ageMs: 1000, lease: { state: 'held', remainingMs: 5000 } });
    expect(leaseOf(heard, LIVE, 0)).toEqual({ state: 'held', remainingMs: 4000 });
    expect(leaseOf(heard, LIVE, 4500)).toEqual({ state: 'expired', sinceMs: 500 });
  });

  it('is not claimed to have run out by a page that hears nothing', () => {
    expect(leaseOf(node('d', 'cloud'), LOST, 60_000)).toEqual({ state: 'unknown' });
    expect(leaseOf(node('cloud', null), LOST, 0)).toEqual({ state: 'root' });
  });

  it('has a sync age beside it that counts every delay on the way', () => {
    expect(syncAgeOf(node('d', 'cloud', { parentAgeMs: 100, ageMs: 50 }), 25)).toBe(175);
    expect(syncAgeOf(node('cloud', null), 25)).toBeNull();
  });
});
