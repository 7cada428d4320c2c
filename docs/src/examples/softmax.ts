import {
  type Factory,
  MOMENTS_SUM,
  MOMENTS_WEIGHT,
  type Moments,
  moments,
  type Policy,
  options as read,
} from '@ganglion/core';

/**
 * `{ kind: softmax, temperature, halfLife }`: an arm is proposed in proportion to exp(mean reward / temperature)
 * (Sutton & Barto, "Reinforcement Learning", 2nd ed., §2.8). An arm never tried counts as worth the top of the range.
 *
 * - `temperature` (reward units, default a tenth of the range): the lower, the greedier.
 * - `halfLife` (default none): after which an outcome weighs half.
 */
export const softmax: Factory<Policy> = (options, { range, path }) => {
  read.rejectUnknown(options, ['temperature', 'halfLife'], path);
  const width = range[1] - range[0];
  const temperature = read.number(options, 'temperature', { min: width / 1000, default: width / 10 }, path);
  const halfLifeMs = read.given(options, 'halfLife')
    ? read.duration(options, 'halfLife', { min: 1000 }, path)
    : undefined;
  const evidence = moments({ range, halfLifeMs });

  // The view holds exp(…) by arm, computed off the decide path: `propose` only adds and divides.
  const policy: Policy<Moments, Float64Array | undefined> = {
    name: 'softmax/1',
    evidence,
    additive: true,
    view(own, others, { arms }) {
      const seen = evidence.add(own, others);
      return Float64Array.from(arms, ({ key }) => {
        const row = seen.arms.get(key);
        const known = row !== undefined && row[MOMENTS_WEIGHT] > 0;
        const mean = known ? evidence.centre + row[MOMENTS_SUM] / row[MOMENTS_WEIGHT] : range[1];
        return Math.exp((mean - range[1]) / temperature);
      });
    },
    propose(view, { arms, allowed, allowedCount }, out) {
      let sum = 0;
      for (let a = 0; a < arms; a++) sum += allowed[a] * (view?.[a] ?? 0);
      const usable = sum > 1e-200;
      for (let a = 0; a < arms; a++)
        out.p[a] = usable ? (allowed[a] * (view?.[a] ?? 0)) / sum : allowed[a] / allowedCount;
      out.confidence = Number.NaN; // it does not know how sure it is
    },
    learn(own, { armKey, reward, sign, weight, atMs }) {
      evidence.record(own, armKey, reward, sign * weight, atMs);
      return own;
    },
  };
  return policy as Policy;
};
