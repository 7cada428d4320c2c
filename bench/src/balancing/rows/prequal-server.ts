/** Loads that the estimate tells apart, and latencies it keeps of each. */
const LEVELS = 96;
const KEPT = 9;

/** Every load up to 15 apart, then eight levels an octave: at high loads single levels would be too rare to be recent. */
const level = (load: number): number =>
  load < 16 ? load : Math.min(LEVELS - 1, Math.floor(8 * Math.log2(load)) - 16);

/**
 * What a Prequal server tells a probe: the median of the latest latencies of requests that found as many others on
 * arrival as are there now, or the nearest load that was ever seen.
 */
export function serverEstimate(servers: number) {
  const kept = new Float64Array(servers * LEVELS * KEPT);
  const seen = new Int32Array(servers * LEVELS);
  const medians = new Float64Array(servers * LEVELS).fill(Number.NaN);
  const sorted = new Float64Array(KEPT);
  const median = (cell: number): number => {
    if (!Number.isNaN(medians[cell])) return medians[cell];
    const n = Math.min(seen[cell], KEPT);
    for (let i = 0; i < n; i++) {
      const value = kept[cell * KEPT + i];
      let at = i;
      for (; at > 0 && sorted[at - 1] > value; at--) sorted[at] = sorted[at - 1];
      sorted[at] = value;
    }
    return (medians[cell] = sorted[n >> 1]);
  };
  return {
    /** A request that found `found` others took `ms` at the server. */
    seen(server: number, found: number, ms: number): void {
      const cell = server * LEVELS + level(found);
      kept[cell * KEPT + (seen[cell]++ % KEPT)] = ms;
      medians[cell] = Number.NaN;
    },
    /** The latency to expect with `load` others present, ms; 0 from a server that has served nobody. */
    at(server: number, load: number): number {
      const from = level(load);
      for (let step = 0; step < LEVELS; step++) {
        const down = from - step;
        const up = from + step;
        if (down >= 0 && seen[server * LEVELS + down] > 0) return median(server * LEVELS + down);
        if (up < LEVELS && seen[server * LEVELS + up] > 0) return median(server * LEVELS + up);
      }
      return 0;
    },
  };
}
