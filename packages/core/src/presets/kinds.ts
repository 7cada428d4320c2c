/**
 * Every kind by itself, for a registry of one's own: a bundler drops those that are not imported. A registry names each by
 * the word that declarations use, so `{ 'lin-ucb': linUcb }`. Two are needed by what is declared beside the policy: `fixed` by a
 * fallback that is an arm, `rules` by one that is a decision table.
 */
export { count } from '../features/count.ts';
export { distinct } from '../features/distinct.ts';
export { last } from '../features/last.ts';
export { latest } from '../features/latest.ts';
export { rate } from '../features/rate.ts';
export { ratio } from '../features/ratio.ts';
export { window } from '../features/window.ts';
export { breaker } from '../guards/breaker.ts';
export { bulkhead } from '../guards/bulkhead.ts';
export { confidence } from '../guards/confidence.ts';
export { experiment } from '../guards/experiment.ts';
export { exploration } from '../guards/exploration.ts';
export { holdout } from '../guards/holdout.ts';
export { limit } from '../guards/limit.ts';
export { rollout } from '../guards/rollout.ts';
export { safety } from '../guards/safety.ts';
export { shadow } from '../guards/shadow.ts';
export { balancer } from '../policies/balancer.ts';
export { byContext } from '../policies/by-context.ts';
export { ensemble } from '../policies/ensemble.ts';
export { epsilonGreedy } from '../policies/epsilon-greedy.ts';
export { exp3 } from '../policies/exp3.ts';
export { fixed } from '../policies/fixed.ts';
export { klUcb } from '../policies/kl-ucb.ts';
export { linUcb } from '../policies/lin-ucb.ts';
export { linearThompson } from '../policies/linear-thompson.ts';
/** What a registry has as `objective`: for points whose objective has constraints, or metrics with a range each. */
export { underObjective } from '../policies/objective.ts';
export { qLearning } from '../policies/q-learning.ts';
export { roundRobin } from '../policies/round-robin.ts';
export { rules } from '../policies/rules.ts';
/** What a registry has as `slate`: for points that rank. */
export { slated } from '../policies/slated.ts';
export { softmax } from '../policies/softmax.ts';
export { split } from '../policies/split.ts';
export { squareCb } from '../policies/square-cb.ts';
export { thompson } from '../policies/thompson.ts';
export { ucb1 } from '../policies/ucb1.ts';
