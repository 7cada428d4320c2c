import { mergeRegistries, type Registry } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { cooldown } from './cooldown.ts';
import { matching } from './matching.ts';

/** All that Ganglion has, and our own beside it. */
export const registry: Registry = mergeRegistries(standard, { policies: { matching }, guards: { cooldown } });
