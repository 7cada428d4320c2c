import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface SeedsRun {
  readonly seeds: number;
  readonly failed: readonly { readonly seed: number; readonly invariant: string; readonly message: string }[];
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Runs seeds in a process of its own, with a mutation put into the sources where one is named. */
export function runSeeds(of: {
  readonly first: number;
  readonly last: number;
  readonly mutation?: string;
}): Promise<SeedsRun> {
  const mutate = of.mutation === undefined ? [] : ['--import', file('mutate.ts')];
  const child = spawn(
    process.execPath,
    ['--conditions=source', ...mutate, file('main.ts'), '--seeds', `${of.first}..${of.last}`, '--json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', GANGLION_MUTATION: of.mutation ?? '' },
    },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0 || (code === 1 && out !== '')) resolve(JSON.parse(out) as SeedsRun);
      else reject(new Error(`the simulator ended with ${code}: ${err.slice(0, 2000)}`));
    });
  });
}
