import { armId, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { fillOne, fillUniform } from './distribution.ts';
import { unlearned } from './unlearned.ts';

/** `{ kind: fixed, arm }`: always this arm; while it is not allowed, even shares over those that are. */
export const fixed: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['arm'], input.path);
  const id = armId(options, 'arm', input.arms, input.path);
  const arm = input.arms.findIndex((one) => one.id === id);
  return unlearned('fixed/1', input, (at, out) => {
    if (at.allowed[arm] === 1) fillOne(arm, at, out);
    else fillUniform(at, out);
  }) as Policy;
};
