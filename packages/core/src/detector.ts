/**
 * A detector watches a stream and raises alerts. It states its false-alarm rate, and the law suite holds it to that.
 *
 * Laws (checked by `detectorLaws`): the same samples give the same alerts; on its null stream the mean time between
 * false alarms is at least `falseAlarm.samples` less the tolerance of the test; a shift it declares to find is found;
 * NaN is refused, never swallowed; state is bounded and serialises.
 */
export interface Detector<S = unknown> {
  readonly name: string;
  /** Expected samples between false alarms on a stream without change. */
  readonly falseAlarm: { readonly samples: number };
  initial(): S;
  /** May change `state` in place. */
  observe(state: S, sample: Sample): Alert | undefined;
}

export interface Sample {
  readonly value: number;
  /** Tree time, ms. */
  readonly atMs: number;
}

export interface Alert {
  readonly detector: string;
  readonly atMs: number;
  readonly message: string;
  /** The statistic that crossed, and the threshold it crossed. */
  readonly statistic: number;
  readonly threshold: number;
}
