/** What every story says, in one shape: the command prints it, `--json` writes it, and the README is made of it. */

import type { Machine } from './machine.ts';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  /** First cell: what the row is. The last row is the physical limit, or what stands nearest to it. */
  readonly rows: readonly (readonly string[])[];
}

export interface Goal {
  readonly goal: string;
  readonly figure: string;
  /** Undefined: this run cannot tell. */
  readonly met: boolean | undefined;
}

/** What a story measured. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** How it was measured, and what does not meet the eye; a sentence each. */
  readonly notes: readonly string[];
}

export interface Report extends Findings {
  readonly story: string;
  readonly title: string;
  readonly command: string;
  readonly machine: Machine;
}

/** The report as Markdown, which reads well on a terminal too. */
export function markdown(report: Report): string {
  const { machine } = report;
  const parts = [
    `\`${report.command}\` · ${machine.at} · ${machine.cpu}, ${machine.cores} cores, Node ${machine.node} · load ${machine.loadBefore.toFixed(1)} before, ${machine.loadAfter.toFixed(1)} after`,
  ];
  for (const { title, head, rows } of report.tables)
    parts.push(...(title === '' ? [] : [`**${title}**`]), aligned([head, ...rows]).join('\n'));
  if (report.goals.length > 0)
    parts.push(aligned([['goal', 'figure', 'met'], ...goalRows(report.goals)]).join('\n'));
  if (report.notes.length > 0) parts.push(report.notes.map((note) => `- ${note}`).join('\n'));
  return parts.join('\n\n');
}

function goalRows(goals: readonly Goal[]): string[][] {
  return goals.map(({ goal, figure, met }) => [
    goal,
    figure,
    met === undefined ? '?' : met ? 'yes' : '**no**',
  ]);
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0].map((_, i) => Math.max(3, ...lines.map((line) => line[i]?.length ?? 0)));
  const text = (line: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (line[i] ?? '').padEnd(width) : (line[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)];
}

/** A number for a cell: three significant figures, thousands apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

/** `0.71×`; empty where there is nothing to compare with. */
export const ratio = (value: number, of: number): string =>
  Number.isFinite(value / of) && of !== 0 ? `${figure(value / of)}×` : '';
