/** For tests of Ganglion and of what is built on it: law suites, fake ports, and the seeded simulator of whole trees. */
/** A seeded source of chance, as the laws take it. */
export { type Stream, stream } from '../stats/random.ts';
export * from './aggregator-laws.ts';
export * from './control-laws.ts';
export * from './detector-laws.ts';
export * from './evidence-laws.ts';
export { fakeSeals } from './fake-seals.ts';
export * from './feature-laws.ts';
export * from './guard-laws.ts';
export * from './kernel-laws.ts';
export type { Law } from './law.ts';
export * from './logged.ts';
export * from './memory-storage.ts';
export * from './policy-laws.ts';
export { type DrawTest, drawTest } from './sim/deciding.ts';
export type { Invariant } from './sim/failure.ts';
export * from './sim/run.ts';
export * from './storage-laws.ts';
