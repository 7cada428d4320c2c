import type { Cell, RowFigures, Spread } from './measure.ts';
import { linkerdClients, loads } from './scenarios.ts';

type Side = keyof Spread;

/** The table as text: once with the median over the seeds, once with the worst seed. */
export function table(figures: readonly RowFigures[]): string {
  return [...part(figures, 'median'), '', ...part(figures, 'worst')].join('\n');
}

function part(figures: readonly RowFigures[], side: Side): string[] {
  const heads = [
    'p99 / p99.9 ms (errors)',
    ...loads.map((load) => `${load}×`),
    ...linkerdClients.map((clients) => `Linkerd, ${clients} client${clients > 1 ? 's' : ''}`),
  ];
  const body = figures.map((row) => [
    row.name,
    ...row.loads.map((cell) => show(cell, side)),
    ...row.linkerd.map((success) => percent(success[side])),
  ]);
  const title = side === 'median' ? 'Median over the seeds' : 'Worst seed, figure by figure';
  return [title, '', ...aligned([heads, ...body])];
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const text = (line: readonly string[]): string =>
    `| ${line.map((c, i) => c.padEnd(widths[i])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)];
}

function show(cell: Cell, side: Side): string {
  const errors = cell.errors[side];
  const lost = errors > 0 ? ` (${(100 * errors).toPrecision(2)} %)` : '';
  return `${Math.round(cell.p99[side])}/${Math.round(cell.p999[side])}${lost}`;
}

/** Rounded down, so that a loss never reads as none. */
const percent = (share: number): string => `${(Math.floor(share * 100_000) / 1000).toFixed(3)} %`;
