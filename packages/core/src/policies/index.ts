import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { balancer } from './balancer.ts';
import { ensemble } from './ensemble.ts';
import { epsilonGreedy } from './epsilon-greedy.ts';
import { fixed } from './fixed.ts';
import { linearThompson } from './linear-thompson.ts';
import { roundRobin } from './round-robin.ts';
import { rules } from './rules.ts';
import { split } from './split.ts';
import { thompson } from './thompson.ts';

/** The policies of this package, by `kind`. */
export const policies = {
  fixed,
  rules,
  split,
  'round-robin': roundRobin,
  'epsilon-greedy': epsilonGreedy,
  thompson,
  'linear-thompson': linearThompson,
  balancer,
  ensemble,
} satisfies Readonly<Record<string, Factory<Policy>>>;
