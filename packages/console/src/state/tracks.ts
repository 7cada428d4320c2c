import type { ExperimentReport, PointReport } from '../wire.ts';
import type { Instant, State, TrackSample } from './model.ts';

/** Most samples of an experiment. When they are full every other one goes: a long watch is kept whole, more coarsely. */
export const TRACK_KEPT = 400;
/** Samples closer together than this are one: an interval narrows slowly. */
const TRACK_EVERY_MS = 2_000;

/** Where the track of an experiment is kept. Shares differ from stage to stage of a rollout, so each has its own. */
export function trackKey(point: string, experiment: ExperimentReport): string {
  return `${point}/${experiment.experiment}/${experiment.phase}`;
}

/** How the intervals of a point's experiments went, one sample on: the API has none of it. */
export function withTracks(tracks: State['tracks'], report: PointReport, at: Instant): State['tracks'] {
  let next = tracks;
  for (const experiment of report.experiments ?? []) {
    const key = trackKey(report.point, experiment);
    const track = withTrack(next[key] ?? [], experiment, at.wallMs);
    if (track !== undefined) next = { ...next, [key]: track };
  }
  return next;
}

function withTrack(
  track: readonly TrackSample[],
  { variants, metrics }: ExperimentReport,
  wallMs: number,
): readonly TrackSample[] | undefined {
  const last = track.at(-1);
  const counted = variants.reduce((sum, each) => sum + each.counted, 0);
  if (last !== undefined && (wallMs - last.wallMs < TRACK_EVERY_MS || last.counted === counted))
    return undefined;
  const sample: TrackSample = {
    wallMs,
    counted,
    metrics: Object.fromEntries(
      metrics.map(({ metric, variants: results }) => [
        metric,
        results.map(({ difference: d }) => (d?.mean == null ? null : [d.mean, d.low, d.high])),
      ]),
    ),
  };
  // Begun anew (a reset, another generation): what was before is another experiment's.
  const kept = last !== undefined && counted < last.counted ? [] : track;
  const room = kept.length < TRACK_KEPT ? kept : kept.filter((_, i) => i % 2 === 0);
  return [...room, sample];
}
