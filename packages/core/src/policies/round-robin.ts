import { rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { fillOne } from './distribution.ts';
import { unlearned } from './unlearned.ts';

/**
 * `{ kind: round-robin }`: the allowed arms in turn. The turn is part of the state, so the propensity is 1: use `split`
 * with equal weights where outcomes are to be evaluated off-policy.
 */
export const roundRobin: Factory<Policy> = (options, input) => {
  rejectUnknown(options, [], input.path);
  const policy = unlearned('round-robin/1', input, (at, out) => {
    let left = at.turn % at.allowedCount;
    let arm = 0;
    while (at.allowed[arm] === 0 || left-- > 0) arm++;
    fillOne(arm, at, out);
  });
  return { ...policy, looksAt: 'whose turn it is' } as Policy;
};
