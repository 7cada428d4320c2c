import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty folder, which goes with the test that asked for it. */
export function testFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
