import type { Loop, Row } from './measure.ts';

/** The rows as text, with the ratios of the best rounds to HAProxy's where it is among them. */
export function table(rows: readonly Row[]): string {
  return [
    ...closed('GET, 128 bytes, closed loop', rows, 'small'),
    ...closed('POST of 1 KiB, closed loop', rows, 'post'),
    ...closed('GET, 64 KiB, closed loop', rows, 'large'),
    'GET, 128 bytes, open loop',
    '',
    ...aligned([
      ['', 'p50 ms', 'best', 'p99 ms', 'best', 'p99.9 ms', 'best', 'failed'],
      ...rows.map(({ name, median: { open: middle }, best: { open: best } }) => [
        name,
        ...[middle.p50Ms, best.p50Ms, middle.p99Ms, best.p99Ms, middle.p999Ms, best.p999Ms].map((ms) =>
          ms.toFixed(2),
        ),
        String(best.failed),
      ]),
    ]),
  ].join('\n');
}

function closed(title: string, rows: readonly Row[], which: 'small' | 'post' | 'large'): string[] {
  const peer = rows.find(({ name }) => name === 'HAProxy')?.best[which];
  const heads = [
    'requests/s',
    'best',
    'of HAProxy',
    'CPU µs',
    'best',
    'of HAProxy',
    'p50 ms',
    'p99 ms',
    'best',
    'errors',
  ];
  return [
    title,
    '',
    ...aligned([
      ['', ...heads],
      ...rows.map((row) => [row.name, ...cells(row.median[which], row.best[which], peer)]),
    ]),
    '',
  ];
}

function cells(median: Loop, best: Loop, peer: Loop | undefined): string[] {
  const ratio = (value: number | undefined, of: number | undefined): string =>
    value === undefined || of === undefined ? '' : `${(value / of).toFixed(2)}×`;
  return [
    median.perSecond.toFixed(0),
    best.perSecond.toFixed(0),
    ratio(best.perSecond, peer?.perSecond),
    median.cpuUs?.toFixed(1) ?? '',
    best.cpuUs?.toFixed(1) ?? '',
    ratio(best.cpuUs, peer?.cpuUs),
    median.p50Ms.toFixed(2),
    median.p99Ms.toFixed(2),
    best.p99Ms.toFixed(2),
    String(best.errors),
  ];
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0].map((_, i) => Math.max(3, ...lines.map((line) => line[i].length)));
  const text = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)];
}
