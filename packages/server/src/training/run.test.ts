import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { artifactStore } from '../host/artifact-store.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { type ModelPlan, planOf, type TrainingWindow } from './plan.ts';
import { runTraining } from './run.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const each of open.splice(0)) await each.close();
});

/** A node on disk with 50 decisions of a point whose outcomes are all in. */
async function place() {
  const folder = testFolder();
  const dataDir = path.join(folder, 'data');
  const node = await startNode(
    [
      {
        point: 'p',
        arms: ['a', 'b'],
        fallback: 'a',
        policy: { kind: 'split' },
        attribution: { window: '1s' },
      },
    ],
    dataDir,
  );
  open.push(node);
  for (let i = 0; i < 50; i++) await node.feedback([{ id: node.decide('p', {}).id, reward: i % 2 }]);
  const artifacts = artifactStore(path.join(folder, 'artifacts'));
  return { folder, dataDir, where: { node, artifacts, dataDir, cwd: folder } };
}

function plan(run: (window: TrainingWindow) => Promise<{ bytes: Uint8Array }>): ModelPlan {
  const models = { m: { point: 'p', cadence: 'daily', train: { command: ['true'] } } };
  const [made] = planOf({ models }, '/').models;
  return { ...made, train: { run, timeoutMs: 60_000 } };
}

/** What was decided until now has had the time to come back. */
const later = (): number => Date.now() + 5000;
const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);

/** Whether another process may open the store: it asks, and ends. */
function secondOpen(dataDir: string): { readonly code: number | null; readonly said: string } {
  const [store] = readdirSync(dataDir).filter((name) => name.endsWith('.db'));
  const code = `import { sqliteStorage } from '@ganglion/adapters/sqlite';
    const storage = await sqliteStorage({ file: process.argv[1] });
    await storage.close();`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', code, path.join(dataDir, store)],
    { encoding: 'utf8', cwd: import.meta.dirname },
  );
  return { code: status, said: stderr };
}

describe('a run of training', () => {
  it('leaves the lock on the store of the node that it learns from', async () => {
    const { dataDir, where } = await place();
    const refused = { code: 1, said: expect.stringMatching(/open already/) };
    expect(secondOpen(dataDir)).toMatchObject(refused);
    const result = await runTraining(
      plan(async () => ({ bytes: Buffer.from('model') })),
      where,
      later(),
      later() + 60_000,
    );
    expect(result).toMatchObject({ outcome: 'first' });
    expect(secondOpen(dataDir)).toMatchObject(refused);
  }, 60_000);

  it('shows the step what it learns from, and not what it is judged by; nothing is left of it', async () => {
    const { folder, where } = await place();
    vi.stubEnv('TMPDIR', folder);
    let seen: string[] = [];
    let learned = 0;
    let at = '';
    const result = await runTraining(
      plan(async ({ logFile }) => {
        at = path.dirname(logFile);
        seen = readdirSync(at, { recursive: true, encoding: 'utf8' }).sort();
        learned = lines(logFile).length;
        return { bytes: Buffer.from('model') };
      }),
      where,
      later(),
      later() + 60_000,
    );
    expect(result).toMatchObject({ outcome: 'first' });
    expect([learned, seen]).toEqual([40, ['out', 'training.jsonl']]);
    expect(existsSync(at)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['artifacts', 'data']);
  }, 60_000);

  it('that has nowhere to write has failed, and says so', async () => {
    const { folder, where } = await place();
    writeFileSync(path.join(folder, 'file'), '');
    vi.stubEnv('TMPDIR', path.join(folder, 'file'));
    const made = vi.fn(async () => ({ bytes: Buffer.from('model') }));
    const result = await runTraining(plan(made), where, later(), later() + 60_000);
    expect(result).toMatchObject({ outcome: 'failed', version: null, why: expect.stringMatching(/ENOTDIR/) });
    expect(made).not.toHaveBeenCalled();
  }, 30_000);

  it('is refused before the log is copied where that has no room: what it needs, what is free, and what to do', async () => {
    const { folder, where } = await place();
    vi.stubEnv('TMPDIR', folder);
    const made = vi.fn(async () => ({ bytes: Buffer.from('model') }));
    const asked: string[] = [];
    const freeBytes = async (at: string): Promise<number> => {
      asked.push(at);
      return 5_000_000;
    };
    const result = await runTraining(plan(made), { ...where, freeBytes }, later(), later() + 60_000);
    expect(result).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(
        /no room in .* for a copy of the log: it needs \d+ MB, and 5 MB are free\. Make room there, or start the daemon with TMPDIR/,
      ),
    });
    expect(asked).toEqual([expect.stringContaining(folder)]);
    expect(made).not.toHaveBeenCalled();
    expect(readdirSync(folder).sort()).toEqual(['data']);
  }, 30_000);

  it('has failed where the log has nothing to learn from', async () => {
    const { where } = await place();
    const made = vi.fn(async () => ({ bytes: Buffer.from('model') }));
    const result = await runTraining({ ...plan(made), point: 'q' }, where, later(), later() + 60_000);
    expect(result).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(/no decision of q to learn/),
    });
    expect(made).not.toHaveBeenCalled();
  }, 30_000);

  it.each([
    ['while it trains', false, []],
    [
      'while it is judged',
      true,
      [{ stage: 'champion' }, { stage: 'retired', reason: 'the daemon stopped before it was judged' }],
    ],
  ])(
    'that the end of the daemon ends %s is interrupted, and nothing of it is served',
    async (_, judged, stages) => {
      const { folder, where } = await place();
      vi.stubEnv('TMPDIR', folder);
      const stop = new AbortController();
      const told = { ...where, stopping: { signal: stop.signal, graceMs: 1000 } };
      if (judged)
        expect(
          await runTraining(
            plan(async () => ({ bytes: Buffer.from('one') })),
            told,
            later(),
            later() + 60_000,
          ),
        ).toMatchObject({ outcome: 'first' });
      const last = plan(() => {
        stop.abort();
        return judged ? Promise.resolve({ bytes: Buffer.from('two') }) : new Promise(() => {});
      });
      const result = await runTraining(last, told, later() + 2000, later() + 60_000);
      expect(result).toMatchObject({ outcome: 'interrupted', why: 'the daemon stopped while it ran' });
      const versions = where.node.models.get('m')?.versions ?? [];
      expect(versions).toMatchObject(stages);
      expect(readdirSync(folder).sort()).toEqual(judged ? ['artifacts', 'data'] : ['data']);
    },
    60_000,
  );

  it('whose window is over before its log is read has failed', async () => {
    const { where } = await place();
    const made = vi.fn(async () => ({ bytes: Buffer.from('model') }));
    const result = await runTraining(plan(made), where, later(), later());
    expect(result).toMatchObject({ outcome: 'failed', why: expect.stringContaining('prepare job') });
    expect(made).not.toHaveBeenCalled();
  }, 30_000);
});
