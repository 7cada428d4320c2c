import type { Io } from './io.ts';

/** Colours of a terminal; the text itself anywhere else, and where NO_COLOR is set (no-color.org). */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

export function styleOf(io: Pick<Io, 'isTerminal' | 'env'>): Style {
  const coloured = io.isTerminal && !io.env.NO_COLOR && io.env.TERM !== 'dumb';
  const paint = (code: number) => (text: string) =>
    coloured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { bold: paint(1), dim: paint(2), good: paint(32), warn: paint(33), bad: paint(31) };
}

/** A column: its heading, and whether its values are numbers, which stand to the right. */
export interface Column {
  readonly head: string;
  readonly right?: boolean | undefined;
}

const GAP = '  ';

/** Rows under headings, aligned. Widths count characters as they are seen: colour takes no room. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
): string {
  const widths = columns.map(({ head }, i) => Math.max(head.length, ...rows.map((row) => seenWidth(row[i]))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const space = ' '.repeat(widths[i] - seenWidth(cell));
        return columns[i].right === true ? space + cell : cell + space;
      })
      .join(GAP)
      .trimEnd();
  const heads = columns.map(({ head }) => style.dim(head));
  return `${[line(heads), ...rows.map(line)].join('\n')}\n`;
}

/** Names and values, one a line, the values aligned. */
export function pairs(entries: readonly (readonly [string, string])[], style: Style): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${style.dim(name.padEnd(width))}${GAP}${value}\n`).join('');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one
const COLOUR = /\u001b\[\d+m/g;

function seenWidth(text: string): number {
  return [...text.replace(COLOUR, '')].length;
}

/** Text from elsewhere, fit for a terminal: no control characters, so that nothing in a name can move the cursor. */
export function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '�');
}
