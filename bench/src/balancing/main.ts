/**
 * The load-balancing table: `node --conditions=source bench/src/balancing/main.ts`
 * `--seeds N` (default 10), `--row NAME` (repeatable, part of a name will do), `--quick`, `--json`, `--help`.
 */
import { parseArgs } from 'node:util';
import { measure, type Plan } from './measure.ts';
import { rows, traps } from './rows/index.ts';
import { table } from './table.ts';

const HELP = `Load balancing: 100 clients, 100 processor-sharing servers whose spare capacity comes and goes.

  --seeds N    seeds 1…N are reported (default 10; 3 with --quick); parameters were tuned on seeds above 1000
  --row NAME   only rows whose name contains NAME; may be given again. Also finds: ${traps.map((t) => t.name).join(', ')}
  --quick      3 seeds of 4 s each, about a minute
  --json       figures as JSON on standard output
  --help       this
`;

main();

function main(): void {
  const options = read();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const seeds = Number(options.seeds ?? (options.quick ? 3 : 10));
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > 1000)
    usage('--seeds takes a whole number from 1 to 1000');
  const plan: Plan = {
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    warmUpMs: options.quick ? 3000 : 5000,
    measureMs: options.quick ? 4000 : 10_000,
  };
  const startedMs = performance.now();
  const figures = chosen(options.row).map((row) => {
    process.stderr.write(`${row.name} …`);
    const before = performance.now();
    const result = measure(row, plan);
    process.stderr.write(` ${((performance.now() - before) / 1000).toFixed(1)} s\n`);
    return result;
  });
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ plan, rows: figures }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(`${table(figures)}\n\n`);
  const elapsed = ((performance.now() - startedMs) / 1000).toFixed(0);
  const { warmUpMs, measureMs } = plan;
  process.stdout.write(
    `Seeds 1…${seeds}, ${measureMs / 1000} s each after ${warmUpMs / 1000} s of warm-up, ${elapsed} s in all.\n`,
  );
}

function read() {
  try {
    return parseArgs({
      options: {
        seeds: { type: 'string' },
        row: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

function chosen(names: readonly string[] | undefined) {
  if (names === undefined) return rows;
  const wanted = names.map((name) => name.toLowerCase());
  const all = [...rows, ...traps];
  for (const name of wanted)
    if (!all.some((row) => row.name.toLowerCase().includes(name)))
      usage(`no row is named like ${name}; there are: ${all.map((row) => row.name).join(', ')}`);
  return all.filter((row) => wanted.some((name) => row.name.toLowerCase().includes(name)));
}

function usage(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}
