import { stream } from '@ganglion/core/testing';
import { compiled, everyArm, outcome, type Problem, viewInput } from './drive.ts';

/** How learners without nodes hear of each other. */
export interface Hearing {
  readonly devices: number;
  /** Decisions of each device in an hour. */
  readonly perHour: number;
  /** From an outcome on one device to every other, exactly. */
  readonly lagMs: number;
}

const STEP_MS = 300_000;

/**
 * Expected regret of learners that hear their own outcomes at once and those of the others exactly so late, without nodes,
 * slots or messages: what a tree with this lag can come to at best, if it lets its learners explore as they do.
 */
export function idealRegret(
  problem: Problem,
  options: Readonly<Record<string, unknown>>,
  seed: number,
  { devices, perHour, lagMs }: Hearing,
): number {
  const { policy, arms } = compiled(options, problem);
  const { evidence } = policy;
  const draws = stream(seed, 9);
  const own = Array.from({ length: devices }, () => evidence.zero());
  const heard = Array.from({ length: devices }, () => evidence.zero());
  const views: unknown[] = Array.from({ length: devices });
  // Each device's outcomes of one step, on their way.
  const mail: { atStep: number; device: number; part: unknown }[] = [];
  const input = everyArm(problem.arms);
  const out = { p: new Float64Array(problem.arms), confidence: 0 };
  const context = new Float64Array(Object.keys(problem.context).length);
  const mean = new Float64Array(problem.arms);
  const perStep = Math.max(1, Math.round((devices * perHour * STEP_MS) / 3_600_000));
  let regret = 0;
  for (let step = 0, now = 0; step < problem.steps; now++) {
    while (mail.length > 0 && mail[0].atStep <= now) {
      const { device, part } = mail.shift()!;
      for (let d = 0; d < devices; d++) if (d !== device) heard[d] = evidence.add(heard[d], part);
    }
    const parts = own.map(() => evidence.zero());
    for (let d = 0; d < devices; d++)
      views[d] = policy.view(
        own[d],
        heard[d],
        viewInput(arms, (seed * 1_000_003 + now * devices + d) | 0),
        views[d],
      );
    for (let k = 0; k < perStep && step < problem.steps; k++, step++) {
      const d = step % devices;
      problem.at(step, context, mean);
      input.context = context;
      policy.propose(views[d], input, out);
      let arm = -1;
      for (let u = draws.next(); u >= 0 && arm < problem.arms - 1; ) u -= out.p[++arm];
      while (out.p[arm] === 0) arm--;
      regret += Math.max(...mean) - mean[arm];
      const reward = draws.next() < mean[arm] ? 1 : 0;
      parts[d] = policy.learn(parts[d], outcome(context, arm, arms[arm].key, out.p[arm], reward));
    }
    parts.forEach((part, device) => {
      own[device] = evidence.add(own[device], part);
      mail.push({ atStep: now + Math.round(lagMs / STEP_MS), device, part });
    });
  }
  return regret;
}
