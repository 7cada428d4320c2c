/** The backends' origins, as given on the command line of every front. */
export const origins: readonly string[] = (process.argv[2] ?? '').split(',').filter((text) => text !== '');

/** Origins in turn. */
export function inTurn(): () => string {
  let next = 0;
  return () => origins[next++ % origins.length];
}

/** Tells the bench where this front listens. */
export function ready(port: number): void {
  process.stdout.write(`${JSON.stringify({ port })}\n`);
}

/** Ends with the bench, however that ends. */
process.stdin.on('end', () => process.exit(0)).resume();
