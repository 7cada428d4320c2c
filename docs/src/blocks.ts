/**
 * Examples in the pages, as a test can run them. The language of a fence says what becomes of it:
 *
 * - `bash`: run, in one shell a page, beside a daemon of its own; a command that fails, fails the page;
 * - `ts`: run as a module of its own by Node; `ts part` is only a piece of one. With `part=NAME` or `example=NAME` it is
 *   the file of that name in `docs/src/examples`, word for word;
 * - `yaml`, `json`: a declaration, or a part of one, which must compile; with `file=NAME` it is written for the shell;
 * - `text` right after a `bash` or `ts` fence: what that prints. `…` stands for anything within a line, and a line of
 *   `…` alone for any number of lines;
 * - `bash no-run`: what cannot be run here (an installation, a `curl` to a production host).
 */
export interface Block {
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
  /** Line of its first line in the page, from 1. */
  readonly line: number;
  /** What it must print, where the page says so. */
  readonly prints: string | undefined;
}

/** All fenced blocks of a page, in order; a `text` fence right after one that runs is part of it. */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: (Block & { readonly end: number })[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = /^```(\S*)\s*(.*)$/.exec(lines[i]);
    if (open === null) continue;
    const end = lines.indexOf('```', i + 1);
    if (end < 0) throw new Error(`line ${i + 1}: the fence is never closed`);
    const text = `${lines.slice(i + 1, end).join('\n')}\n`;
    const last = blocks.at(-1);
    const follows = last !== undefined && lines.slice(last.end + 1, i).every((line) => line.trim() === '');
    if (open[1] === 'text' && follows && runs(last)) blocks[blocks.length - 1] = { ...last, prints: text };
    else
      blocks.push({
        language: open[1],
        words: open[2].split(/\s+/).filter((word) => word !== ''),
        text,
        line: i + 2,
        prints: undefined,
        end,
      });
    i = end;
  }
  return blocks;
}

export function runs({ language, words }: Pick<Block, 'language' | 'words'>): boolean {
  return (
    (language === 'bash' && !words.includes('no-run')) ||
    (language === 'ts' && !words.some((word) => word.split('=')[0] === 'part'))
  );
}

/** `name=value` among the words of a fence. */
export function wordOf(block: Block, name: string): string | undefined {
  return block.words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Whether a block printed what its page says: '' if so, else the first line that is another. */
export function misprint(expected: string, printed: string): string {
  const got = linesOf(printed);
  const at = match(linesOf(expected), got, 0, 0);
  return at < 0
    ? ''
    : `line ${at + 1} of what it should print is not there: ${linesOf(expected)[at]}\nprinted:\n${printed}`;
}

function linesOf(text: string): string[] {
  return text
    .replace(/\s+$/, '')
    .split('\n')
    .map((line) => line.trimEnd());
}

/** −1 where all fits, else the furthest expected line that was not found. */
function match(expected: readonly string[], got: readonly string[], e: number, g: number): number {
  if (e === expected.length) return g === got.length ? -1 : e - 1;
  if (expected[e].trim() === '…') {
    let furthest = e;
    for (let skip = g; skip <= got.length; skip++) {
      const at = match(expected, got, e + 1, skip);
      if (at < 0) return -1;
      furthest = Math.max(furthest, at);
    }
    return furthest;
  }
  if (g < got.length && fits(expected[e], got[g])) return match(expected, got, e + 1, g + 1);
  return e;
}

function fits(expected: string, got: string): boolean {
  const pattern = expected
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(got);
}
