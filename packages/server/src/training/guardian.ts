import { spawn } from 'node:child_process';

/** What a group has to end once it is asked to, s: as long as under a daemon that stops in order. */
const GRACE_S = 5;

/**
 * Lives beside a process group and sees to it that the group does not outlive this process, even where that is killed without a word
 * (`kill -9`, out of memory). It waits on a pipe whose other end is here alone: a line says that all is over, its end that nobody is
 * left to say so. A group of its own, so that Ctrl-C at the terminal does not reach it.
 */
const SCRIPT = `read -r _ || { kill -s TERM -- "-$0"; sleep ${GRACE_S}; kill -s KILL -- "-$0"; }`;

/**
 * Guards a process group of this machine. Where there is no POSIX shell nobody does.
 *
 * @param group - its id
 * @returns says that the group is over, or that this process sees to its end: the guardian leaves
 */
export function guard(group: number): () => void {
  if (process.platform === 'win32') return () => {};
  const guardian = spawn('/bin/sh', ['-c', SCRIPT, String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It was told to leave, or could not be started: either way there is nothing to do.
  guardian.on('error', () => {});
  guardian.stdin.on('error', () => {});
  guardian.unref();
  return () => guardian.stdin.end('\n');
}
