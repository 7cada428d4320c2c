import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandMend } from './mends.ts';

const PACKAGES = new URL('../../../', import.meta.url).pathname;
const CALL = /\b(GET|PUT|POST|DELETE) \/v1/;

/** Lines of the sources that tell somebody to make a call: strings, not comments. */
function told(folder: string): string[] {
  return readdirSync(join(PACKAGES, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => readFileSync(join(PACKAGES, folder, file), 'utf8').split('\n'))
    .filter((line) => CALL.test(line) && /['`].*\/v1/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line));
}

it('no mend that names a call of the HTTP API is left so for the command', () => {
  const lines = [...told('core/src'), ...told('server/src/http')];
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) expect(commandMend(line)).not.toMatch(CALL);
});

it('what names none stays as it is', () => {
  expect(commandMend('Use one of: a, b.')).toBe('Use one of: a, b.');
  expect(
    commandMend('List the points with GET /v1/points, or declare this one with PUT /v1/points/{point}.'),
  ).toBe('List the points with ganglion point list, or declare this one with ganglion point apply FILE.');
});
