import { useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import { type Css, cssOf, overTime, timeRange, usePlot } from './plot.ts';

/** One estimate over time: null where it was not known. */
export interface Band {
  /** A CSS colour. */
  readonly colour: string;
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

/** How far the scale is wider than what it must show. */
const MARGIN = 1.15;

/** Estimates with their intervals over time, about a line at 0. What it shows stands in figures beside it. */
export function BandChart(props: {
  seconds: readonly number[];
  bands: readonly Band[];
  height: number;
  label: string;
  /** Writes a value of the y axis. */
  format: (value: number) => string;
  /** The row under the pointer, or null. */
  onCursor: (row: number | null) => void;
}) {
  const latest = useRef(props);
  latest.current = props;
  const { seconds, bands, height } = props;
  const data = useMemo(
    () =>
      [seconds, ...bands.flatMap(({ high, low, mean }) => [high, low, mean])] as unknown as uPlot.AlignedData,
    [seconds, bands],
  );
  const host = usePlot(
    (element) => options(element, height, bands, () => latest.current),
    data,
    [height, ...bands.map(({ colour }) => colour)].join(),
  );
  return <div className="chart" ref={host} role="img" aria-label={props.label} style={{ height }} />;
}

interface Latest {
  readonly seconds: readonly number[];
  readonly bands: readonly Band[];
  readonly format: (value: number) => string;
  readonly onCursor: (row: number | null) => void;
}

function options(
  element: HTMLElement,
  height: number,
  bands: readonly Band[],
  latest: () => Latest,
): uPlot.Options {
  const css = cssOf(element);
  const common = overTime(element, height, 74, latest);
  return {
    ...common,
    scales: {
      x: { time: true, range: () => wholeRange(latest().seconds) },
      y: { range: () => rangeOf(latest().bands) },
    },
    series: [{}, ...bands.flatMap(({ colour }) => series(css(colour)))],
    bands: bands.map(({ colour }, k) => ({
      series: [k * 3 + 1, k * 3 + 2],
      fill: translucent(css(colour), bands.length > 2 ? 0.14 : 0.22),
    })),
    hooks: {
      ...common.hooks,
      drawAxes: [(u) => drawZero(u, css)],
    },
  };
}

function series(colour: string): uPlot.Series[] {
  const edge = { stroke: translucent(colour, 0.45), width: 1, points: { show: false } };
  return [edge, edge, { stroke: colour, width: 2, points: { show: false } }];
}

/** `#rrggbb` with an alpha. */
function translucent(colour: string, alpha: number): string {
  return `${colour}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`;
}

/** All that was seen, up to now where that is nothing yet: of a single moment the axis would else show a day. */
function wholeRange(seconds: readonly number[]): [number, number] {
  const last = seconds.at(-1) ?? Date.now() / 1000;
  return timeRange(seconds[0] ?? last, last, Number.POSITIVE_INFINITY);
}

/**
 * As far as the newer half of the intervals go, and always both sides of 0: the first ones are wide beyond all measure,
 * and would press what came of them flat.
 */
function rangeOf(bands: readonly Band[]): [number, number] {
  const ends = bands.flatMap(({ mean, low, high }) =>
    [mean, low, high].flatMap((column) => column.slice(Math.floor(column.length / 2))),
  );
  const known = ends.filter((end) => end !== null);
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known);
  if (low === high) return [-1, 1];
  const span = high - low;
  return [low - (span * (MARGIN - 1)) / 2 - span * 0.08, high + (span * (MARGIN - 1)) / 2 + span * 0.08];
}

/** No difference: the line that an interval must leave. */
function drawZero(u: uPlot, css: Css): void {
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(0, 'y', true));
  ctx.save();
  ctx.strokeStyle = css('--muted');
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
