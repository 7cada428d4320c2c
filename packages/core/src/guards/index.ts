import type { Guard } from '../guard.ts';
import type { Factory } from '../registry.ts';
import { breaker } from './breaker.ts';
import { bulkhead } from './bulkhead.ts';
import { confidence } from './confidence.ts';
import { experiment } from './experiment.ts';
import { exploration } from './exploration.ts';
import { holdout } from './holdout.ts';
import { limit } from './limit.ts';
import { rollout } from './rollout.ts';
import { safety } from './safety.ts';
import { shadow } from './shadow.ts';

/** The guards of this package, by `kind`. */
export const guards = {
  holdout,
  rollout,
  safety,
  experiment,
  shadow,
  exploration,
  confidence,
  breaker,
  bulkhead,
  limit,
} satisfies Readonly<Record<string, Factory<Guard>>>;
