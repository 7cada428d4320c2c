import type { PointReports, Sample } from '../state/model.ts';
import type {
  AuditEntry,
  CalibrationBin,
  FrozenLearner,
  PointReport,
  PointSpec,
  ValidationReport,
} from '../wire.ts';
import { isAfterGap } from './pauses.ts';

/** Learners in which decay was found. */
export interface Decayed {
  /** They learn no more, and their baseline decides where that was declared. */
  readonly frozen: readonly FrozenLearner[];
  /** It is only said: they learn on. */
  readonly said: readonly FrozenLearner[];
}

/** Every learner of a point in which decay was found, on whatever node. */
export function decayedOf({ given, merged, nodes }: PointReports): Decayed {
  const told: readonly PointReport[] = given
    ? [merged.value]
    : Object.values(nodes).map(({ value }) => value);
  return decayedIn(told.flatMap(({ validation }) => validation?.frozen ?? []));
}

function decayedIn(all: readonly FrozenLearner[]): Decayed {
  return {
    frozen: all.filter(({ action }) => action !== 'report'),
    said: all.filter(({ action }) => action === 'report'),
  };
}

/** The last thaw that a person said after this freeze began, and that its node has not followed yet. */
export function thawUnderway(
  audit: readonly AuditEntry[],
  point: string,
  { sinceMs }: FrozenLearner,
): AuditEntry | undefined {
  return audit.find(({ action, target, atMs }) => action === 'thaw' && target === point && atMs >= sinceMs);
}

/** How a learner stands. What too little is known of is `unknown`: never sound. */
export type LearnerStanding = 'frozen' | 'decays' | 'off' | 'unproven' | 'unknown' | 'sound';

export function standingOf({ calibration, decay, frozen }: ValidationReport): LearnerStanding {
  const decayed = decayedIn(frozen);
  if (decayed.frozen.length > 0) return 'frozen';
  if (decayed.said.length > 0) return 'decays';
  if (calibration.verdict === 'off') return 'off';
  if (calibration.verdict === 'unknown') return 'unknown';
  // Warm, and still never as good as the reference: nothing can be found to have become worse.
  return decay.armed ? 'sound' : 'unproven';
}

/** Of fewer outcomes than this a mean loss says nothing yet. */
const ENOUGH = 30;

export const isLossKnown = ({ judged }: Pick<ValidationReport, 'judged'>): boolean => judged >= ENOUGH;

/** The losses of the last outcomes, once there are enough: in the order of the samples, with when the learner was frozen. */
export interface LossTrack {
  readonly seconds: readonly number[];
  readonly learner: readonly (number | null)[];
  readonly reference: readonly (number | null)[];
  /** The sample of each row; −1 for a gap. */
  readonly rows: readonly number[];
  readonly spans: readonly { readonly from: number; readonly to: number; readonly mode: 'frozen' }[];
}

/** What a sample keeps of a report's validation. */
export function lossSample({ validation }: PointReport): Sample['loss'] {
  if (validation === undefined) return undefined;
  const { recent, frozen } = validation;
  const known = isLossKnown(validation);
  return {
    learner: known ? recent.squared : null,
    reference: known ? recent.reference : null,
    frozen: decayedIn(frozen).frozen.length > 0,
  };
}

export function lossTrack(samples: readonly Sample[]): LossTrack {
  const seconds: number[] = [];
  const rows: number[] = [];
  const learner: (number | null)[] = [];
  const reference: (number | null)[] = [];
  const spans: { from: number; to: number; mode: 'frozen' }[] = [];
  let open = false;
  const push = (wallMs: number, row: number, loss: Sample['loss']) => {
    seconds.push(wallMs / 1000);
    rows.push(row);
    learner.push(loss?.learner ?? null);
    reference.push(loss?.reference ?? null);
  };
  const told = samples.flatMap(({ wallMs, loss }, row) =>
    loss === undefined ? [] : [{ wallMs, loss, row }],
  );
  told.forEach(({ wallMs, loss, row }, i) => {
    const paused = isAfterGap(told, i);
    if (paused) push(told[i - 1].wallMs + 1, -1, undefined);
    push(wallMs, row, loss);
    const at = wallMs / 1000;
    if (loss.frozen && open && !paused) spans.at(-1)!.to = at;
    else if (loss.frozen) spans.push({ from: at, to: at, mode: 'frozen' });
    open = loss.frozen;
  });
  return { seconds, learner, reference, rows, spans };
}

/** What a bin of predictions says: too few outcomes for an interval that says anything is `unknown`. */
export type BinVerdict = 'within' | 'off' | 'unknown';

/** An interval that is wider than this part of the range says nothing. */
const WIDE = 0.5;

/** @param width - of the declared range of the reward. */
export function binVerdict({ predicted, low, high }: CalibrationBin, width: number): BinVerdict {
  if (low === null || high === null) return 'unknown';
  if (predicted < low || predicted > high) return 'off';
  return high - low > WIDE * width ? 'unknown' : 'within';
}

/** The width of the range that a point declares for its reward. */
export function rangeWidth({ objective }: PointSpec): number {
  const [low, high] = objective?.range ?? [0, 1];
  return high - low;
}

/** Bins with less than this part of the outcomes do not stretch the scale: their intervals reach everywhere. */
const SHARE = 0.03;

/**
 * One scale for what was predicted and what was seen, a little wider than both, so that rare events fill the plot as well as
 * common ones. What reaches beyond it is cut.
 */
export function calibrationScale(bins: readonly CalibrationBin[]): readonly [number, number] {
  const total = bins.reduce((sum, { n }) => sum + n, 0);
  const ends = bins.flatMap(({ predicted, observed, low, high, n }) =>
    [predicted, ...(n >= SHARE * total ? [observed, low, high] : [])].filter((end) => end !== null),
  );
  if (ends.length === 0) return [0, 1];
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const margin = (most - least) * 0.06 || Math.max(Math.abs(most) * 0.1, 0.01);
  return [least - margin, most + margin];
}

/** Who caused the outcomes: the learner's own choice, or holdout, baseline, exploration and others. */
export interface Causes {
  readonly caused: number;
  readonly others: number;
  /** Of all, in [0, 1]; null where there are none. */
  readonly share: number | null;
}

/** As judged, where the learner is validated; else as they could have taught. */
export function causesOf({ validation, training }: PointReport): Causes | undefined {
  if (validation === undefined && training === undefined) return undefined;
  const caused = validation?.selfCaused ?? training?.caused ?? 0;
  const all = validation?.judged ?? caused + (training?.others ?? 0);
  return { caused, others: all - caused, share: all > 0 ? caused / all : null };
}
