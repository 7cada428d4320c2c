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
 * `{ kind: matching, sensitivity, halfLife }`: an arm is proposed in proportion to its mean reward above the bottom of
 * the range, to a power (the generalised matching law: Baum, "On two types of deviation from the matching law", 1974).
 * An arm never tried counts as worth the top of the range.
 *
 * - `sensitivity` (default 1): the higher, the greedier.
 * - `halfLife` (default none): after which an outcome weighs half.
 */
export const matching: Factory<Policy> = (options, { range, path }) => {
  read.rejectUnknown(options, ['sensitivity', 'halfLife'], path);
  const sensitivity = read.number(options, 'sensitivity', { min: 0.1, max: 20, default: 1 }, path);
  const halfLifeMs = read.given(options, 'halfLife')
    ? read.duration(options, 'halfLife', { min: 1000 }, path)
    : undefined;
  const evidence = moments({ range, halfLifeMs });
  const width = range[1] - range[0];

  // The view holds the power by arm, computed off the decide path: `propose` only adds and divides.
  const policy: Policy<Moments, Float64Array | undefined> = {
    name: 'matching/1',
    evidence,
    additive: true,
    view(own, others, { arms }) {
      const seen = evidence.add(own, others);
      return Float64Array.from(arms, ({ key }) => {
        const row = seen.arms.get(key);
        const known = row !== undefined && row[MOMENTS_WEIGHT] > 0;
        const mean = known ? evidence.centre + row[MOMENTS_SUM] / row[MOMENTS_WEIGHT] : range[1];
        return Math.max(0, (mean - range[0]) / width) ** sensitivity;
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
