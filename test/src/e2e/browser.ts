import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium; the tests bring no browser of their own. */
export const CHROMIUM = process.env.GANGLION_CHROMIUM ?? '/usr/bin/chromium';

/** Whether there is a browser. Without one tests are left out, said aloud; where services are required it is a failure. */
export function hasBrowser(tests = 'the console in a browser'): boolean {
  if (existsSync(CHROMIUM)) return true;
  const what = `no browser at ${CHROMIUM} (GANGLION_CHROMIUM says where)`;
  if (process.env.GANGLION_REQUIRE_SERVICES === '1') throw new Error(what);
  process.stdout.write(`skipped: ${tests}: ${what}\n`);
  return false;
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
}
