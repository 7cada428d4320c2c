import type { Sample } from '../state/model.ts';

/** A pause longer than this may be a gap, ms. */
const GAP_MS = 6_000;

/**
 * Whether nothing was heard between a sample and the one before it. Of a large tree a sample comes every ten seconds or so:
 * what is as long as usual there is no gap.
 */
export function isAfterGap(samples: readonly Pick<Sample, 'wallMs'>[], i: number): boolean {
  const stepMs = (at: number): number =>
    at < 1 || at >= samples.length ? 0 : samples[at].wallMs - samples[at - 1].wallMs;
  return stepMs(i) > GAP_MS && stepMs(i) > 2 * Math.max(stepMs(i - 1), stepMs(i + 1));
}
