/** Statistics of experiments: what is valid at one look, at a few planned ones, and at all of them. */
export * from './adaptive.ts';
export * from './cuped.ts';
export * from './fixed-horizon.ts';
export * from './group-sequential.ts';
export * from './mismatch.ts';
export * from './mixture-test.ts';
export * from './multiple.ts';
export * from './wagers.ts';
