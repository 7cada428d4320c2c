import { type RefObject, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useConsole } from '../state/use.ts';

/** Reads the theme's colours where a plot stands: a canvas cannot. */
export type Css = (name: string) => string;

/** The value of a custom property, or of `var(--name)`. */
export function cssOf(element: HTMLElement): Css {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name.replace(/^var\((.*)\)$/, '$1')).trim();
}

/** Room right of a plot over time, px: half of `14:03:15` stands beyond the last moment. */
export const BESIDE_PX = 26;

/** What all axes have in common: quiet, without lines of their own. */
export function axisStyle(css: Css): uPlot.Axis {
  return {
    stroke: css('--faint'),
    font: `11px ${css('--font')}`,
    grid: { show: false },
    ticks: { show: false },
  };
}

/** The x axis shows at least this much, and at most `LONGEST`, seconds. */
const SHORTEST = 45;
const LONGEST = 900;

/** Where a time axis over values from `min` to `max` begins and ends, seconds; it grows to the left, up to `longest`. */
export function timeRange(min: number | null, max: number | null, longest = LONGEST): [number, number] {
  if (min === null || max === null) return [0, 1];
  return [max - Math.min(longest, Math.max(SHORTEST, max - min)), max];
}

/** `14:03`, with seconds where they are not 0. */
export function timeOfDay(seconds: number): string {
  const date = new Date(seconds * 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  const minutes = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return date.getSeconds() === 0 ? minutes : `${minutes}:${pad(date.getSeconds())}`;
}

/** What charts of values over time have in common. `labelPx`: room for what `format` writes; `latest` is asked at every drawing. */
export function overTime(
  element: HTMLElement,
  height: number,
  labelPx: number,
  latest: () => {
    readonly format: (value: number) => string;
    readonly onCursor: (row: number | null) => void;
  },
) {
  const css = cssOf(element);
  const axis = axisStyle(css);
  return {
    width: Math.max(50, Math.floor(element.clientWidth)),
    height,
    padding: [10, BESIDE_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7, width: 0 }, drag: { x: false, y: false, setScale: false } },
    axes: [
      { ...axis, size: 22, gap: 4, space: 90, values: (_, ticks) => ticks.map(timeOfDay) },
      {
        ...axis,
        size: labelPx,
        gap: 8,
        space: 34,
        grid: { show: true, stroke: css('--line'), width: 1 },
        values: (_, ticks) => ticks.map((tick) => latest().format(tick)),
      },
    ],
    hooks: { setCursor: [(u) => latest().onCursor(u.cursor.idx ?? null)] },
  } satisfies Partial<uPlot.Options>;
}

/**
 * A plot in an element, as wide as it: built anew when the theme or `key` changes, given new data otherwise.
 *
 * @param options - for an element of that width; asked once for each plot that is built.
 */
export function usePlot(
  options: (element: HTMLElement) => uPlot.Options,
  data: uPlot.AlignedData,
  key: string,
): RefObject<HTMLDivElement | null> {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef({ options, data });
  latest.current = { options, data };
  const { theme } = useConsole();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot is built anew for another theme or key; data goes in below
  useEffect(() => {
    const element = host.current!;
    const given = latest.current.options(element);
    const made = new uPlot(given, latest.current.data, element);
    plot.current = made;
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && width !== made.width) made.setSize({ width, height: given.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, key]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);
  return host;
}
