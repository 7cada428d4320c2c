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
          <MetricSwitch
            metrics={report.metrics.map((each) => each.metric)}
            chosen={name}
            onChoose={setChosen}
          />
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
          {others.map((i) => (
            <VariantKey
              key={report.variants[i].variant}
              variant={report.variants[i].variant}
              colour={variantColour(i)}
              metric={name}
              ends={at?.metrics[name]?.[i] ?? null}
            />
          ))}
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

function MetricSwitch(props: {
  metrics: readonly string[];
  chosen: string;
  onChoose: (metric: string) => void;
}) {
  return (
    <fieldset className="switch">
      <legend className="hidden">Metric</legend>
      {props.metrics.map((metric) => (
        <button
          key={metric}
          type="button"
          aria-pressed={metric === props.chosen}
          onClick={() => props.onChoose(metric)}
        >
          {metricTitle(metric)}
        </button>
      ))}
    </fieldset>
  );
}

/** A variant's colour and name, and its difference at the moment with the interval. */
function VariantKey(props: {
  variant: string;
  colour: string;
  metric: string;
  /** Mean, low and high. */
  ends: readonly [number, number | null, number | null] | null;
}) {
  const { metric, ends } = props;
  return (
    <span className="track-key">
      <i className="swatch" style={{ background: props.colour }} />
      <span>{props.variant}</span>
      <span className="num strong">{formatDifference(metric, ends?.[0] ?? null)}</span>
      {ends?.[1] != null && (
        <span className="num quiet">
          {formatDifference(metric, ends[1])} to {formatDifference(metric, ends[2])}
        </span>
      )}
    </span>
  );
}

function bandOf(track: readonly TrackSample[], metric: string, variant: number): Band {
  const column = (end: 0 | 1 | 2) => track.map(({ metrics }) => metrics[metric]?.[variant]?.[end] ?? null);
  return { colour: variantColour(variant), mean: column(0), low: column(1), high: column(2) };
}
