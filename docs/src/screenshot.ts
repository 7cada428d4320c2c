import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { ROOT } from './shell.ts';

/** Takes the pictures of the README anew, from the real demo: `node --conditions=source docs/src/screenshot.ts [SECONDS]`. */
const seconds = Number(process.argv[2] ?? 150);
const main = join(ROOT, 'packages/server/src/main.ts');
const demo = spawn(
  process.execPath,
  ['--conditions=source', main, 'up', '--demo', '--memory', '--json', '--port', '0'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const [line] = (await once(createInterface({ input: demo.stdout }), 'line')) as [string];
const { url } = JSON.parse(line) as { url: string };
const browser = await chromium.launch({
  executablePath: process.env.GANGLION_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, deviceScaleFactor: 1.5 });
  await page.goto(`${url}/#/points/backend`);
  await setTimeout(seconds * 1000);
  for (const [colorScheme, file] of [
    ['light', 'console.png'],
    ['dark', 'console-dark.png'],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await setTimeout(1000);
    await page.screenshot({ path: join(ROOT, 'docs/images', file) });
  }
} finally {
  await browser.close();
  demo.kill('SIGINT');
  await once(demo, 'exit');
}
