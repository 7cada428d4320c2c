export * from './client.ts';
export * from './flags.ts';
export * from './wire.ts';
