import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startNode } from './node.ts';

/**
 * A process of its own for tests: a node that decides and hears of it as fast as it can, while the command that is given
 * reads its store, twice. Prints how many rows the command saw each time, and how many decisions there were.
 */
const [data, command, ...args] = process.argv.slice(2);
const node = await startNode(
  [{ point: 'page', arms: ['red', 'blue'], fallback: 'red', policy: { kind: 'split' } }],
  data,
);
let decided = 0;
let busy = true;
const work = (async () => {
  while (busy) {
    const items = Array.from({ length: 50 }, () => {
      const { id, arm } = node.decide('page', {});
      return { id, reward: arm === 'blue' ? 1 : 0 };
    });
    await node.feedback(items);
    decided += items.length;
  }
})();
while (decided < 1000) await new Promise((resolve) => setTimeout(resolve, 5));
const evaluated: number[] = [];
for (let i = 0; i < 2; i++) {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 26 });
  evaluated.push((JSON.parse(stdout) as { log: { rows: number } }).log.rows);
}
busy = false;
await work;
await node.close();
process.stdout.write(JSON.stringify({ evaluated, decided }));
