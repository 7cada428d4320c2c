#!/usr/bin/env node
import { processIo } from './cli/io.ts';
import { run } from './cli/run.ts';

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// Nobody hears complaints any more (a terminal or a log that is gone): a daemon goes on, and stops cleanly.
process.stderr.on('error', () => {});

process.exitCode = await run(process.argv.slice(2), processIo());
