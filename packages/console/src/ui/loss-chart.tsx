import { useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import type { LossTrack } from '../select/validation.ts';
import { cssOf, overTime, timeRange, usePlot } from './plot.ts';
import { drawSpans } from './spans.ts';

/** How much higher the scale is than the highest loss. */
const MARGIN = 1.15;

/** A learner's loss over time and that of its reference, dashed: lower is better. What it shows stands in figures beside it. */
export function LossChart(props: {
  track: LossTrack;
  height: number;
  label: string;
  /** Writes a value of the y axis. */
  format: (value: number) => string;
  /** The row under the pointer, or null. */
  onCursor: (row: number | null) => void;
}) {
  const latest = useRef(props);
  latest.current = props;
  const { track, height } = props;
  const data = useMemo(
    () => [track.seconds, track.reference, track.learner] as unknown as uPlot.AlignedData,
    [track],
  );
  const host = usePlot((element) => options(element, height, () => latest.current), data, String(height));
  return <div className="chart" ref={host} role="img" aria-label={props.label} style={{ height }} />;
}

interface Latest {
  readonly track: LossTrack;
  readonly format: (value: number) => string;
  readonly onCursor: (row: number | null) => void;
}

function options(element: HTMLElement, height: number, latest: () => Latest): uPlot.Options {
  const css = cssOf(element);
  const common = overTime(element, height, 54, latest);
  return {
    ...common,
    scales: {
      x: { time: true, range: (_, min, max) => timeRange(min, max) },
      y: { range: () => [0, highest(latest().track) * MARGIN] },
    },
    series: [
      {},
      { stroke: css('--muted'), width: 1.5, dash: [5, 4], points: { show: false } },
      { stroke: css('--treated'), width: 2, points: { show: false } },
    ],
    hooks: {
      ...common.hooks,
      drawAxes: [(u) => drawSpans(u, latest().track.spans, css, true)],
    },
  };
}

/** From 0 on, so that half the loss looks like half of it. */
function highest({ learner, reference }: LossTrack): number {
  return Math.max(0, ...[...learner, ...reference].filter((loss) => loss !== null)) || 1;
}
