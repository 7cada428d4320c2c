import { expect, test } from 'vitest';
import { mergedRegret } from './merged.ts';
import { linearProblem } from './synthetic.ts';

/** Devices that hear of each other an hour late learn nearly as well as one node; devices alone do not. */
test('a tree of real nodes learns a linear problem together, an hour late', async () => {
  const problem = linearProblem(1, 5, 5, 4000);
  const policy = { kind: 'linear-thompson' };
  const tree = { devices: 6, regions: 2, perHour: 20 };
  const central = await mergedRegret(problem, policy, 1, { ...tree, lagMs: 0 });
  const late = await mergedRegret(problem, policy, 1, { ...tree, lagMs: 3_600_000 });
  const alone = await mergedRegret(problem, policy, 1, { ...tree, lagMs: Infinity });
  // By chance alone a run differs by about a fifth; that of the seeds together is in bench/README.md.
  expect(late).toBeLessThan(1.4 * central);
  expect(alone).toBeGreaterThan(1.8 * central);
});
