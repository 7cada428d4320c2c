/**
 * `npm run bench -- STORY [options]`: one story, with its own options. `-- all [--quick] [--write]`: one after the other;
 * `--write` keeps their results in bench/results and rewrites the tables in bench/README.md.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Entry, stories } from './stories.ts';

const README = new URL('../README.md', import.meta.url);
const RESULTS = new URL('../results/', import.meta.url);

const HELP = `npm run bench -- STORY [--quick] [--json]

${stories.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}
  all        all of them; with --write the tables in bench/README.md are made anew, also of one story: STORY --write
  readme     the tables in bench/README.md, from the results that were kept

  --help after a story shows its own options.
`;

const [chosen, ...rest] = process.argv.slice(2);
process.exitCode = await main(chosen, rest);

async function main(name: string | undefined, options: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === 'readme') {
    for (const story of stories) await rewrite(story);
    return 0;
  }
  const chosenStories = name === 'all' ? stories : stories.filter((story) => story.name === name);
  if (chosenStories.length === 0) {
    process.stderr.write(`there is no story ${name}\n\n${HELP}`);
    return 2;
  }
  const write = options.includes('--write');
  const passed = options.filter((option) => option !== '--write');
  let failed = 0;
  for (const story of chosenStories) {
    const code = write ? await keep(story, passed) : await run(story, passed);
    if (code === 0) continue;
    process.stderr.write(`${story.name} ended with code ${code}\n`);
    failed = code;
  }
  return failed;
}

function start(story: Entry, options: readonly string[], stdout: 'inherit' | 'pipe') {
  const file = fileURLToPath(new URL(story.file, import.meta.url));
  return spawn(process.execPath, ['--conditions=source', ...story.flags, file, ...options], {
    stdio: ['ignore', stdout, 'inherit'],
  });
}

async function run(story: Entry, options: readonly string[]): Promise<number> {
  const [code] = await once(start(story, options, 'inherit'), 'exit');
  return code ?? 1;
}

/** Runs a story, keeps its result, and puts its table into the README. */
async function keep(story: Entry, options: readonly string[]): Promise<number> {
  process.stderr.write(`${story.name}, load ${loadavg()[0].toFixed(1)}\n`);
  const child = start(story, [...options.filter((option) => option !== '--json'), '--json'], 'pipe');
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) return code ?? 1;
  const kept = {
    at: new Date().toISOString(),
    load: loadavg()[0],
    options,
    result: JSON.parse(text) as unknown,
  };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL(`${story.name}.json`, RESULTS), `${JSON.stringify(kept, undefined, 1)}\n`);
  await rewrite(story);
  return 0;
}

async function rewrite(story: Entry): Promise<void> {
  const text = await readFile(new URL(`${story.name}.json`, RESULTS), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { result, at, load, options } = JSON.parse(text) as {
    result: { machine?: unknown };
    at: string;
    load: number;
    options: readonly string[];
  };
  // Stories with a report of the common shape say themselves when and where it was made.
  const head =
    result.machine === undefined
      ? `\`npm run bench -- ${[story.name, ...options].join(' ')}\` · ${at.slice(0, 16).replace('T', ' ')} · load ${load.toFixed(1)} after\n\n`
      : '';
  const readme = await readFile(README, 'utf8');
  const [from, to] = [`<!-- bench:${story.name} -->`, `<!-- /bench:${story.name} -->`];
  const [begin, end] = [readme.indexOf(from), readme.indexOf(to)];
  if (begin < 0 || end < begin)
    throw new Error(`bench/README.md has no place for ${story.name}: ${from} … ${to}`);
  const body = `${from}\n\n${head}${story.render(result)}\n\n${to}`;
  await writeFile(README, readme.slice(0, begin) + body + readme.slice(end + to.length));
}
