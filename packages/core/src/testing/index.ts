/** For tests of Ganglion and of what is built on it: law suites, fake ports, and the seeded simulator of whole trees. */
export * from './memory-storage.ts';
export { type DrawTest, drawTest } from './sim/deciding.ts';
export type { Invariant } from './sim/failure.ts';
export * from './sim/run.ts';
