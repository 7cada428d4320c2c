import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { balancer } from './balancer.ts';
import { byContext } from './by-context.ts';
import { ensemble } from './ensemble.ts';
import { epsilonGreedy } from './epsilon-greedy.ts';
import { exp3 } from './exp3.ts';
import { fixed } from './fixed.ts';
import { klUcb } from './kl-ucb.ts';
import { linUcb } from './lin-ucb.ts';
import { linearThompson } from './linear-thompson.ts';
import { qLearning } from './q-learning.ts';
import { roundRobin } from './round-robin.ts';
import { rules } from './rules.ts';
import { softmax } from './softmax.ts';
import { split } from './split.ts';
import { squareCb } from './square-cb.ts';
import { thompson } from './thompson.ts';
import { ucb1 } from './ucb1.ts';

/** The policies of this package, by `kind`. */
export const policies = {
  fixed,
  rules,
  split,
  'round-robin': roundRobin,
  'epsilon-greedy': epsilonGreedy,
  thompson,
  ucb1,
  'kl-ucb': klUcb,
  exp3,
  softmax,
  'linear-thompson': linearThompson,
  'lin-ucb': linUcb,
  'square-cb': squareCb,
  'q-learning': qLearning,
  balancer,
  'by-context': byContext,
  ensemble,
} satisfies Readonly<Record<string, Factory<Policy>>>;
