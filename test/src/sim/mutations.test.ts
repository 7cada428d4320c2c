import { describe, expect, test } from 'vitest';
import { runSeeds } from './children.ts';
import { MUTATIONS } from './mutations.ts';

/** Within so many seeds every planted fault must have shown. */
const SEEDS = 1000;

describe('a fault put into the code is caught by the simulator', () => {
  const caught: string[] = [];
  for (const { name, fault } of MUTATIONS)
    test(`${name}: ${fault}`, { timeout: 300_000 }, async () => {
      const { failed, seeds } = await runSeeds({ first: 1, last: SEEDS, mutation: name });
      expect(failed.length, `${name} was not caught within ${SEEDS} seeds`).toBeGreaterThan(0);
      caught.push(`${name}: ${failed[0].invariant}, after ${seeds} seeds`);
      console.info(caught[caught.length - 1]);
    });
});
