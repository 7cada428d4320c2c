import { useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import type { ShareColumns } from '../select/arms.ts';
import { axisStyle, BESIDE_PX, cssOf, timeOfDay, timeRange, usePlot } from './plot.ts';
import { type ChartSpan, drawSpans } from './spans.ts';

/** Stacked shares of the arms over time. What it shows stands in the table beside it; it is drawn for the eye alone. */
export function ShareChart(props: {
  columns: ShareColumns;
  /** CSS colours, one an arm. */
  colours: readonly string[];
  spans: readonly ChartSpan[];
  height: number;
  label: string;
  /** The row under the pointer, or null. */
  onCursor: (row: number | null) => void;
}) {
  const latest = useRef(props);
  latest.current = props;
  const { columns, height } = props;
  const arms = columns.shares.length;
  const data = useMemo(() => stacked(columns), [columns]);
  const host = usePlot(
    (element) => plotOptions(element, height, arms, () => latest.current),
    data,
    [height, arms, ...props.colours].join(),
  );
  return <div className="chart" ref={host} role="img" aria-label={props.label} style={{ height }} />;
}

/** Series k is the sum of arms k and after, drawn in order, so that each arm covers what lies behind it. */
function stacked(columns: ShareColumns): uPlot.AlignedData {
  const sums: (number | null)[][] = [];
  let below: readonly (number | null)[] = columns.seconds.map(() => 0);
  for (const shares of columns.shares.toReversed()) {
    const sum = shares.map((share, i) => (share === null ? null : share + (below[i] ?? 0)));
    sums.unshift(sum);
    below = sum;
  }
  return [columns.seconds as number[], ...sums];
}

function plotOptions(
  element: HTMLElement,
  height: number,
  arms: number,
  latest: () => {
    colours: readonly string[];
    spans: readonly ChartSpan[];
    onCursor: (row: number | null) => void;
  },
): uPlot.Options {
  const css = cssOf(element);
  const axis = axisStyle(css);
  return {
    width: Math.max(50, Math.floor(element.clientWidth)),
    height,
    padding: [8, BESIDE_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: { time: true, range: (_, min, max) => timeRange(min, max) },
      y: { range: [0, 1] },
    },
    axes: [
      { ...axis, size: 22, gap: 4, space: 90, values: (_, ticks) => ticks.map(timeOfDay) },
      {
        ...axis,
        size: 38,
        gap: 6,
        splits: () => [0, 0.25, 0.5, 0.75, 1],
        values: (_, ticks) => ticks.map((t) => (t === 0.5 || t === 1 ? `${t * 100}%` : '')),
      },
    ],
    series: [
      {},
      ...Array.from({ length: arms }, (_, k) => {
        const colour = css(latest().colours[k]);
        return { fill: colour, stroke: css('--panel'), width: 1, points: { show: false } };
      }),
    ],
    hooks: {
      drawClear: [
        ({ ctx, bbox }) => {
          ctx.fillStyle = css('--sunken');
          ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
        },
      ],
      setCursor: [(u) => latest().onCursor(u.cursor.idx ?? null)],
      draw: [(u) => drawGrid(u, css('--panel')), (u) => drawSpans(u, latest().spans, css)],
    },
  };
}

/** Quarter lines over the areas, so faint that they measure without dividing. */
function drawGrid(u: uPlot, colour: string): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.globalAlpha = 0.35;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  for (const share of [0.25, 0.5, 0.75]) {
    const y = Math.round(u.valToPos(share, 'y', true));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
