import { expect, it } from 'vitest';
import type { ModelStatus } from '../wire.ts';
import { armsByPoint, lineageOf, rollbackTo, trafficOf } from './models.ts';

type Version = ModelStatus['versions'][number];
const version = (name: string, change: Partial<Version> = {}): Version => ({
  version: name,
  digest: 'ab'.repeat(32),
  parents: [],
  window: null,
  metrics: {},
  atMs: 0,
  by: 'ann',
  stage: 'retired',
  traffic: 0,
  reason: '',
  stopped: false,
  ...change,
});

it('a version stands right of all that it was made from, and below those beside it', () => {
  const versions = [
    version('v1'),
    version('v2', { parents: ['v1'] }),
    version('v3', { parents: ['v1'] }),
    version('v4', { parents: ['v2', 'v3', 'other@v9', 'v4', 'v5'] }),
    version('v5'),
  ];
  const { placed, columns, rows, edges } = lineageOf(versions);
  expect(placed.map(({ column, row }) => [column, row])).toEqual([
    [0, 0],
    [1, 0],
    [1, 1],
    [2, 0],
    [0, 1],
  ]);
  expect([columns, rows]).toEqual([3, 2]);
  expect(edges).toEqual([
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
  ]);
  expect(lineageOf([])).toEqual({ placed: [], columns: 0, rows: 0, edges: [] });
});

it('the champion has what its challengers leave; what is stopped has none', () => {
  const versions = [
    version('v1', { stage: 'champion' }),
    version('v2', { stage: 'challenger', traffic: 0.2 }),
    version('v3', { stage: 'challenger', traffic: 0.1, stopped: true }),
    version('v4', { stage: 'challenger' }),
  ];
  expect(trafficOf({ versions }).map(({ version, share }) => [version, share])).toEqual([
    ['v1', 0.8],
    ['v2', 0.2],
  ]);
});

it('a rollback goes to the latest champion before that may serve', () => {
  const versions = [version('v1'), version('v2', { stopped: true }), version('v3', { stage: 'champion' })];
  expect(rollbackTo({ before: ['v1', 'v2'], versions })).toBe('v1');
  expect(rollbackTo({ before: [], versions })).toBeNull();
});

it('only arms that are versions of the model are its own', () => {
  const answer = {
    model: 'm',
    reports: [
      { point: 'p', arms: [{ arm: 'a' }, { arm: 'v1', artifact: { model: 'm' } }] },
      { point: 'q', arms: [] },
    ],
  };
  expect(armsByPoint(answer as never).map(({ point, arms }) => [point, arms.length])).toEqual([['p', 1]]);
});
