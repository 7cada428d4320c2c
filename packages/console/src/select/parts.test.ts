import { expect, it } from 'vitest';
import type { PointReports } from '../state/model.ts';
import { report } from '../testing.ts';
import type { PointReport } from '../wire.ts';
import { boundScale, constraintGroups, correlationsOf, slateOf, toldBy } from './parts.ts';

const heard = (value: PointReport) => ({ value, heardMs: 0 });
const member = (name: string, correlation: readonly (number | null)[]) => ({
  member: name,
  weight: 0.5,
  mean: null,
  low: null,
  high: null,
  n: 0,
  learned: 0,
  failures: 0,
  correlation,
  stopped: false,
});

it('what only a deciding node can tell is told by the one that decides most', () => {
  const slate = { slates: 5, examination: [1, 0.5], diversityCost: null };
  const cloud = report('cloud', { slate: { ...slate, slates: 0 } });
  const nodes = [
    report('d1', { slate, decisionsPerSecond: 1 }),
    report('d2', { slate, decisionsPerSecond: 9 }),
  ];
  const merged: PointReports['merged'] = { value: { ...cloud, bounds: false }, heardMs: 0 };
  const reports: PointReports = {
    answering: 'cloud',
    given: true,
    merged,
    nodes: Object.fromEntries(nodes.map((one) => [one.node, heard(one)])),
  };
  expect(toldBy(reports, cloud, slateOf)?.node).toBe('d2');
  expect(toldBy(reports, nodes[0], slateOf)?.node).toBe('d1');
  expect(toldBy(reports, cloud, correlationsOf)).toBeUndefined();
});

it('a member that is only like itself says nothing of agreement', () => {
  const alone = [member('a', [1, null]), member('b', [null, 1])];
  expect(correlationsOf(report('d', { members: alone }))).toBeUndefined();
  const alike = [member('a', [1, 0.2]), member('b', [0.2, 1])];
  expect(correlationsOf(report('d', { members: alike }))).toBe(alike);
});

it('constraints stand by metric and bound, and their bound is on the scale', () => {
  const one = (arm: string, metric: string, bound: object) =>
    ({ arm, metric, ...bound, state: 'met', mean: 0.01, low: 0, high: 0.02, n: 9 }) as const;
  const constraints = [
    one('a', 'complaint', { max: 0.05 }),
    one('a', 'opened', { min: 0.2 }),
    one('b', 'complaint', { max: 0.05 }),
  ];
  const groups = constraintGroups(report('cloud', { constraints }));
  expect(groups.map(({ metric, bound, isMax, arms }) => [metric, bound, isMax, arms.length])).toEqual([
    ['complaint', 0.05, true, 2],
    ['opened', 0.2, false, 1],
  ]);
  const [low, high] = boundScale(0.05, groups[0].arms);
  expect(low).toBeLessThan(0);
  expect(high).toBeGreaterThan(0.05);
  const unknown = { mean: null, low: null, high: null };
  expect(boundScale(0, [unknown])).toEqual([-0.01, 0.01]);
});
