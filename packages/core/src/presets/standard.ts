import { features } from '../features/index.ts';
import { guards } from '../guards/index.ts';
import { policies } from '../policies/index.ts';
import { underObjective } from '../policies/objective.ts';
import { slated } from '../policies/slated.ts';
import type { Registry } from '../registry.ts';

/** Everything this package has. A browser that needs less registers less: each is in `@ganglion/core/kinds` too. */
export const standard: Registry = { policies, guards, features, objective: underObjective, slate: slated };
