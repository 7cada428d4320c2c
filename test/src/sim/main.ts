import { parseArgs } from 'node:util';
import { drawTest, type SimResult, simulate } from '@ganglion/core/testing';

const USAGE = `Runs the seeded simulator.

  node --conditions=source test/src/sim/main.ts --seed N [--trace]
  node --conditions=source test/src/sim/main.ts --seeds A..B [--json] [--keep-going]
  node --conditions=source test/src/sim/main.ts --soak MINUTES [--size NODES]

  --seed N        one seed; --trace prints everything that happens
  --seeds A..B    all seeds from A to B
  --soak MINUTES  new seeds until the time is up, starting at --from (default: drawn from the clock)
  --size NODES    so many nodes, instead of 2 to 9
  --active MS     so much virtual time with faults
  --keep-going    do not stop at the first seed that fails
  --json          prints one JSON object on standard output
Exits 0 when every seed holds, 1 when one does not, 2 on wrong usage.`;

const options = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  soak: { type: 'string' },
  from: { type: 'string' },
  size: { type: 'string' },
  active: { type: 'string' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  'keep-going': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function usage(problem: string): never {
  console.error(problem === '' ? USAGE : `${problem}\n\n${USAGE}`);
  process.exit(problem === '' ? 0 : 2);
}

function whole(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : usage(`--${name} must be a whole number`);
}

function readArgs() {
  try {
    return parseArgs({ options, allowPositionals: false }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const args = readArgs();
if (args.help) usage('');

const size = whole(args.size, 'size');
const activeMs = whole(args.active, 'active');
let first: number;
let last: number;
let untilMs = Number.POSITIVE_INFINITY;
if (args.seed !== undefined) first = last = whole(args.seed, 'seed') as number;
else if (args.seeds !== undefined) {
  const match = /^(\d+)\.\.(\d+)$/.exec(args.seeds);
  if (match === null) usage('--seeds must be A..B');
  first = Number(match[1]);
  last = Number(match[2]);
} else if (args.soak !== undefined) {
  first = whole(args.from, 'from') ?? Date.now() % 2 ** 31;
  last = Number.MAX_SAFE_INTEGER;
  untilMs = Date.now() + Number(args.soak) * 60_000;
} else usage('Say --seed, --seeds or --soak.');

const draws = drawTest();
const failed: SimResult[] = [];
const startedMs = Date.now();
const cpu = process.cpuUsage();
let done = 0;
let steps = 0;
let decisions = 0;
let virtualMs = 0;
let quietMs = 0;
let shownMs = Date.now();

for (let seed = first; seed <= last && Date.now() < untilMs; seed++) {
  const listener = args.trace ? (line: string) => console.error(line) : undefined;
  // One seed alone must say what it said among others: the test of draws is shared only where there are many.
  const result = await simulate(seed, { size, activeMs, listener, ...(first === last ? {} : { draws }) });
  done++;
  steps += result.steps;
  decisions += result.decisions;
  virtualMs += result.virtualMs;
  quietMs = Math.max(quietMs, result.quietMs);
  if (result.failure !== undefined) {
    failed.push(result);
    report(result);
    if (!args['keep-going']) break;
  }
  if (process.stderr.isTTY && Date.now() - shownMs > 500) {
    shownMs = Date.now();
    process.stderr.write(`\r${done} seeds, ${failed.length} failed, at seed ${seed}  `);
  }
}

function report(result: SimResult): void {
  const extra = `${size === undefined ? '' : ` --size ${size}`}${activeMs === undefined ? '' : ` --active ${activeMs}`}`;
  const { invariant, message, atMs } = result.failure as NonNullable<SimResult['failure']>;
  console.error(`seed ${result.seed}: ${invariant} at ${atMs.toFixed(1)} ms: ${message}`);
  if (first === last) console.error(result.portrait);
  else console.error(`  node --conditions=source test/src/sim/main.ts --seed ${result.seed}${extra} --trace`);
}

const { user, system } = process.cpuUsage(cpu);
const summary = {
  seeds: done,
  failed: failed.map(({ seed, failure }) => ({ seed, ...failure })),
  steps,
  decisions,
  virtualSeconds: Math.round(virtualMs / 1000),
  slowestQuietMs: quietMs,
  draws: {
    n: draws.draws,
    evidence: draws.wealth.reduce((sum, wealth) => sum + wealth, 0) / draws.wealth.length,
  },
  cpuMsPerSeed: Number(((user + system) / 1000 / Math.max(1, done)).toFixed(2)),
  wallSeconds: Number(((Date.now() - startedMs) / 1000).toFixed(1)),
};
if (args.json) console.log(JSON.stringify(summary, null, 2));
else
  console.log(
    `${done} seeds, ${failed.length} failed; ${steps} steps, ${decisions} decisions, ${summary.virtualSeconds} s of virtual time; ` +
      `quiet after at most ${quietMs.toFixed(0)} ms; ${summary.cpuMsPerSeed} ms of CPU a seed, ${summary.wallSeconds} s`,
  );
process.exitCode = failed.length > 0 ? 1 : 0;
