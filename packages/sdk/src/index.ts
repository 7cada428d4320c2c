/** Embed a Ganglion node in an application, or talk to a daemon. The OpenFeature provider is `@ganglion/sdk/openfeature`. */
export { certificateMend } from './certificate.ts';
export * from './client.ts';
export * from './embed.ts';
export * from './flags.ts';
export type { LinkOptions } from './link.ts';
export * from './wire.ts';
