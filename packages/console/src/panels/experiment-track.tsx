import { useMemo, useState } from 'react';
import { decidingMetric } from '../select/experiments.ts';
import { clock, count } from '../select/format.ts';
import { formatDifference, metricTitle } from '../select/metric.ts';
import type { TrackSample } from '../state/model.ts';
import { trackKey } from '../state/tracks.ts';
import { useSlice } from '../state/use.ts';
import { type Band, BandChart } from '../ui/band-chart.tsx';
import { Panel } from '../ui/panel.tsx';
import type { ExperimentReport } from '../wire.ts';
import { variantColour } from './experiments-page.tsx';

const NONE: readonly TrackSample[] = [];

/** How the intervals narrowed since this page began to watch. */
export function ExperimentTrack({ point, report }: { point: string; report: ExperimentReport }) {
  const key = trackKey(point, report);
  const track = useSlice((state) => state.tracks[key]) ?? NONE;
  const [chosen, setChosen] = useState<string | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const metric = report.metrics.find((each) => each.metric === chosen) ?? decidingMetric(report);
  const name = metric?.metric ?? '';
  const others = report.variants.map((_, i) => i).filter((i) => !report.variants[i].control);
  const places = others.join();
  const seconds = useMemo(() => track.map(({ wallMs }) => wallMs / 1000), [track]);
  const bands = useMemo(
    () => places.split(',').map((i) => bandOf(track, name, Number(i))),
    [track, name, places],
  );
  if (metric === undefined || others.length === 0) return null;
  const row = cursor !== null && cursor < track.length ? cursor : track.length - 1;
  const at = track[row];
  return (
    <Panel
      title="Interval over time"
      aside={
        report.metrics.length > 1 && (
          <fieldset className="switch">
            <legend className="hidden">Metric</legend>
            {report.metrics.map((each) => (
              <button
                key={each.metric}
                type="button"
                aria-pressed={each.metric === name}
                onClick={() => setChosen(each.metric)}
              >
                {metricTitle(each.metric)}
              </button>
            ))}
          </fieldset>
        )
      }
    >
      <figure className="track">
        <figcaption className="track-head">
          {at !== undefined && (
            <span className="quiet num">
              {clock(at.wallMs)} · {count(at.counted)} counted
            </span>
          )}
          {others.map((i) => {
            const ends = at?.metrics[name]?.[i] ?? null;
            return (
              <span key={report.variants[i].variant} className="track-key">
                <i className="swatch" style={{ background: variantColour(i) }} />
                <span>{report.variants[i].variant}</span>
                <span className="num strong">{formatDifference(name, ends?.[0] ?? null)}</span>
                {ends?.[1] != null && (
                  <span className="num quiet">
                    {formatDifference(name, ends[1])} to {formatDifference(name, ends[2])}
                  </span>
                )}
              </span>
            );
          })}
        </figcaption>
        <BandChart
          key={name}
          seconds={seconds}
          bands={bands}
          height={230}
          label={`Difference in ${metricTitle(name)} beside the control over time, with its interval; the figures of the moment stand above.`}
          format={(value) => formatDifference(name, value)}
          onCursor={setCursor}
        />
        {track.length < 3 && (
          <p className="chart-wait">Drawing starts now: the page keeps its own history.</p>
        )}
      </figure>
    </Panel>
  );
}

function bandOf(track: readonly TrackSample[], metric: string, variant: number): Band {
  const column = (end: 0 | 1 | 2) => track.map(({ metrics }) => metrics[metric]?.[variant]?.[end] ?? null);
  return { colour: variantColour(variant), mean: column(0), low: column(1), high: column(2) };
}
