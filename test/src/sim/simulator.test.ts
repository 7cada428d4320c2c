import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { simulate } from '@ganglion/core/testing';
import { describe, expect, test } from 'vitest';
import { runSeeds } from './children.ts';

/** In CI: GANGLION_SIM_SEEDS=10000. */
const SEEDS = Number(process.env.GANGLION_SIM_SEEDS ?? 500);
const PROCESSES = Math.min(2, availableParallelism());

describe('the simulator', () => {
  test(
    `finds no fault in ${SEEDS} seeds`,
    async () => {
      const each = Math.ceil(SEEDS / PROCESSES);
      const runs = await Promise.all(
        Array.from({ length: PROCESSES }, (_, i) =>
          runSeeds({ first: 1 + i * each, last: Math.min(SEEDS, (i + 1) * each) }),
        ),
      );
      const failed = runs.flatMap((run) => run.failed);
      const command = `node --conditions=source ${fileURLToPath(new URL('main.ts', import.meta.url))}`;
      expect(
        failed.map(
          ({ seed, invariant, message }) => `${command} --seed ${seed} --trace  # ${invariant}: ${message}`,
        ),
      ).toEqual([]);
      expect(runs.reduce((sum, run) => sum + run.seeds, 0)).toBe(SEEDS);
    },
    30 * 60_000,
  );

  test('replays a seed bit for bit', async () => {
    for (const seed of [1, 7, 42, 1234]) {
      const [one, two] = [await simulate(seed), await simulate(seed)];
      expect(two.digest).toBe(one.digest);
      expect(two.steps).toBe(one.steps);
    }
    expect((await simulate(2)).digest).not.toBe((await simulate(3)).digest);
  });

  test('runs a larger tree', async () => {
    const { failure, decisions } = await simulate(5, { size: 24, activeMs: 1500 });
    expect(failure).toBeUndefined();
    expect(decisions).toBeGreaterThan(10);
  }, 120_000);
});
