/** `npm run bench -- start`: from the command to the first decision of the demo, with nothing there before. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { figure } from '../lib/report.ts';
import { median, quantile } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';

const MAIN = fileURLToPath(new URL('../../../packages/server/src/main.ts', import.meta.url));
const GIVE_UP_MS = 60_000;

await tell({
  name: 'start',
  title: 'From the command to the first decision',
  help: 'What npm start runs, on an empty data directory, until its HTTP API has made a decision.',
  async measure({ quick, say }) {
    const runs: Started[] = [];
    const bare: number[] = [];
    for (let i = 0; i < (quick ? 2 : 7); i++) {
      say(`start ${i + 1}`);
      bare.push(await bareNode());
      runs.push(await startOnce());
    }
    const row = (name: string, values: readonly number[]): string[] => [
      name,
      figure(median(values)),
      figure(quantile(values, 1)),
    ];
    const firstMs = median(runs.map((run) => run.decidedMs));
    return {
      tables: [
        {
          title: '',
          head: ['', 'median ms', 'worst ms'],
          rows: [
            row(
              'command → it says where it listens',
              runs.map((run) => run.saidMs),
            ),
            row(
              'command → first decision answered',
              runs.map((run) => run.decidedMs),
            ),
            row('limit: node -e "", from command to end', bare),
          ],
        },
      ],
      goals: [
        { goal: 'npm start to first decision < 2 s', figure: `${figure(firstMs)} ms`, met: firstMs < 2000 },
      ],
      notes: [
        'The command is that of npm start (up --demo) with --port 0 and an empty data directory; npm itself adds its own start.',
        'It starts four nodes with SQLite files, three backends, a client a device, and two proxies.',
      ],
    };
  },
});

interface Started {
  readonly saidMs: number;
  readonly decidedMs: number;
}

async function startOnce(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    ['--conditions=source', MAIN, 'up', '--demo', '--port', '0', '--json', '--data', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
    ]);
    const saidMs = performance.now() - startedMs;
    const { url } = JSON.parse(line) as { url: string };
    await firstDecision(url, startedMs);
    return { saidMs, decidedMs: performance.now() - startedMs };
  } finally {
    await stopped(child);
    await rm(folder, { recursive: true, force: true });
  }
}

async function firstDecision(url: string, startedMs: number): Promise<void> {
  while (performance.now() - startedMs < GIVE_UP_MS) {
    const answer = await fetch(`${url}/v1/points/backend/decide`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"unit":"first"}',
    }).catch(() => undefined);
    if (answer?.ok === true && ((await answer.json()) as { arm: string | null }).arm !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('no decision within a minute');
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  child.kill('SIGINT');
  await once(child, 'exit');
  clearTimeout(hard);
}

async function bareNode(): Promise<number> {
  const startedMs = performance.now();
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedMs;
}
