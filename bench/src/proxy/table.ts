import type { Figures, Loop } from './measure.ts';

/** The rows as text: figures, then their ratios to HAProxy's where it is among them. */
export function table(rows: readonly Figures[]): string {
  const parts = [
    ...title(
      'GET, 128 bytes, closed loop',
      rows.map(({ name, small }) => [name, small]),
      rows,
    ),
    ...title(
      'POST of 1 KiB, closed loop',
      rows.map(({ name, post }) => [name, post]),
      rows,
    ),
    ...title(
      'GET, 64 KiB, closed loop',
      rows.map(({ name, large }) => [name, large]),
      rows,
    ),
    'GET, 128 bytes, open loop',
    '',
    ...aligned([
      ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'failed'],
      ...rows.map(({ name, open }) => [
        name,
        open.p50Ms.toFixed(2),
        open.p99Ms.toFixed(2),
        open.p999Ms.toFixed(2),
        String(open.failed),
      ]),
    ]),
  ];
  return parts.join('\n');
}

function title(text: string, loops: readonly [string, Loop][], rows: readonly Figures[]): string[] {
  const peer = loops[rows.findIndex(({ name }) => name === 'HAProxy')]?.[1];
  const ratio = (value: number | undefined, of: number | undefined): string =>
    value === undefined || of === undefined ? '' : `${(value / of).toFixed(2)}×`;
  return [
    text,
    '',
    ...aligned([
      ['', 'requests/s', 'of HAProxy', 'CPU µs/request', 'of HAProxy', 'p50 ms', 'p99 ms', 'errors'],
      ...loops.map(([name, loop]) => [
        name,
        loop.perSecond.toFixed(0),
        ratio(loop.perSecond, peer?.perSecond),
        loop.cpuUs?.toFixed(1) ?? '',
        ratio(loop.cpuUs, peer?.cpuUs),
        loop.p50Ms.toFixed(2),
        loop.p99Ms.toFixed(2),
        String(loop.errors),
      ]),
    ]),
    '',
  ];
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0].map((_, i) => Math.max(3, ...lines.map((line) => line[i].length)));
  const text = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)];
}
