import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { hostNode } from './host-node.ts';

const host = (dataDir: string) => hostNode({ name: 'hq', tier: 'cloud', root: true, dataDir });

it('makes the folder for its state with all above it', async () => {
  const node = await host(path.join(testFolder(), 'a', 'b'));
  await node.close();
});

it.each([
  ['a file', (file: string) => file],
  ['below a file', (file: string) => path.join(file, 'x')],
  ...(process.platform === 'linux' ? [['where none can be made', () => '/proc/x/y'] as const] : []),
] as const)('refuses a folder that is %s, and names the option', async (_what, of) => {
  const file = path.join(testFolder(), 'file');
  writeFileSync(file, '');
  await expect(host(of(file))).rejects.toMatchObject({
    code: 'storage_failed',
    field: '--data',
    mend: expect.stringContaining('--memory'),
  });
});

it('of a store that another holds names the option too', async () => {
  const dir = testFolder();
  const node = await host(dir);
  await expect(host(dir)).rejects.toMatchObject({
    code: 'storage_failed',
    field: '--data',
    mend: expect.any(String),
  });
  await node.close();
});
