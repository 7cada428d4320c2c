/**
 * The proxy beside HAProxy: `node --conditions=source bench/src/proxy/main.ts`
 * `--rounds N`, `--seconds N`, `--connections N`, `--rate N`, `--front NAME`, `--quick`, `--json`, `--help`.
 */
import { parseArgs } from 'node:util';
import { type Front, fronts, startBackends } from './fronts/index.ts';
import { generator, LOAD_CORE } from './load.ts';
import { type Figures, measureRound, type Plan, type Row, type Subject, summary, warmUp } from './measure.ts';
import { has, machineTime, pinning, type Running } from './processes.ts';
import { table } from './table.ts';

const HELP = `Reverse proxies on one core, before the same backends: throughput, CPU a request, p99.

  --rounds N       rounds; within one, rows take turns load by load; median and best are reported (default 5; 1 with --quick)
  --seconds N      length of each run (default 4; 2 with --quick)
  --connections N  connections of the closed loops (default 32)
  --rate N         arrivals a second of the open loop (default 1000)
  --front NAME     only fronts whose name contains NAME; may be given again
  --quick          one short round
  --json           figures as JSON on standard output
  --help           this
`;

await main();

async function main(): Promise<void> {
  const options = read();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!has('haproxy')) {
    process.stderr.write(
      'haproxy is not installed (Debian: apt install haproxy); it is peer and backend here.\n',
    );
    process.exit(1);
  }
  const plan: Plan = {
    rounds: count('--rounds', options.rounds, options.quick ? 1 : 5),
    seconds: count('--seconds', options.seconds, options.quick ? 2 : 4),
    connections: count('--connections', options.connections, 32),
    rate: count('--rate', options.rate, 1000),
  };
  const disturbance = await disturbed();
  const rows = await measureAll(plan, chosen(options.front));
  const setting = { ...plan, generator, pinning, busyBefore: disturbance };
  if (options.json) process.stdout.write(`${JSON.stringify({ setting, rows }, undefined, 2)}\n`);
  else process.stdout.write(`${table(rows)}\n\n${describe(plan, disturbance)}\n`);
}

/** The share of the machine that others use while nothing of ours runs: how far the figures can be trusted. */
async function disturbed(): Promise<number | undefined> {
  const before = machineTime();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const after = machineTime();
  if (before === undefined || after === undefined) return undefined;
  return (after.busyMs - before.busyMs) / (after.totalMs - before.totalMs);
}

async function measureAll(plan: Plan, chosenFronts: readonly Front[]): Promise<Row[]> {
  const running: Running[] = [];
  try {
    const backends = await startBackends(LOAD_CORE, 3);
    running.push(...backends);
    const urls = backends.map(({ url }) => url);
    const subjects: Subject[] = [{ name: 'direct', url: urls[0], front: undefined }];
    for (const { name, start } of chosenFronts) {
      const front = await start(urls);
      running.push(front);
      subjects.push({ name, url: front.url, front });
    }
    for (const subject of subjects) {
      process.stderr.write(`warming up ${subject.name}\n`);
      await warmUp(subject, plan);
    }
    const rounds: Figures[][] = [];
    for (let round = 1; round <= plan.rounds; round++) {
      process.stderr.write(`round ${round} of ${plan.rounds}\n`);
      rounds.push(await measureRound(subjects, plan, round));
    }
    return subjects.map((_, i) => summary(rounds.map((round) => round[i])));
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
}

function describe(plan: Plan, disturbance: number | undefined): string {
  const others = disturbance === undefined ? 'unknown' : `${(100 * disturbance).toFixed(0)} %`;
  return [
    `Closed loops: ${generator}, ${plan.connections} connections, ${plan.seconds} s; open loop: Poisson arrivals at ${plan.rate} a second,`,
    `latency from when a request was due. Median and best of ${plan.rounds} rounds, figure by figure; ${pinning}; 3 backends, round robin.`,
    `Used by others before the start: ${others} of the machine; above a few per cent, trust CPU a request rather than the rest.`,
  ].join('\n');
}

function read() {
  try {
    return parseArgs({
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        connections: { type: 'string' },
        rate: { type: 'string' },
        front: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

function count(name: string, text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000)
    usage(`${name} takes a whole number from 1 to 100000`);
  return value;
}

function chosen(names: readonly string[] | undefined): readonly Front[] {
  if (names === undefined) return fronts;
  const wanted = names.map((name) => name.toLowerCase());
  for (const name of wanted)
    if (!fronts.some((front) => front.name.toLowerCase().includes(name)))
      usage(`no front is named like ${name}; there are: ${fronts.map((front) => front.name).join(', ')}`);
  return fronts.filter((front) => wanted.some((name) => front.name.toLowerCase().includes(name)));
}

function usage(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}
