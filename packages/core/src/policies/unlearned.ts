import { type Moments, type MomentsEvidence, moments } from '../learners/moments.ts';
import type { Policy, PolicyInput, Proposal } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';

/**
 * A policy that learns nothing about which arm to choose. It keeps moments of the reward all the same, so that a report
 * shows its arms, and a learner put in its place later can be compared with it.
 */
export function unlearned(
  name: string,
  input: FactoryInput,
  fill: (input: PolicyInput, out: Proposal) => void,
): Policy<Moments, null> {
  const evidence = moments({ range: input.range });
  return {
    name,
    evidence,
    additive: true,
    learns: false,
    learnsReward: evidence,
    view: () => null,
    propose: (_view, at, out) => {
      fill(at, out);
      out.confidence = Number.NaN;
    },
    learn: recordReward(evidence),
  };
}

/** How every context-free policy learns: the reward, at the weight it was sampled with. */
export function recordReward(evidence: MomentsEvidence): Policy<Moments>['learn'] {
  return (own, outcome) => {
    evidence.record(own, outcome.armKey, outcome.reward, outcome.sign * outcome.weight, outcome.atMs);
    return own;
  };
}
