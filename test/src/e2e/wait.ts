/** Asks again until the answer is one to go on with. Rejects with the last answer when it takes too long. */
export async function until<T>(
  ask: () => Promise<T> | T,
  good: (answer: T) => boolean,
  what: string,
  withinMs = 60_000,
): Promise<T> {
  const started = performance.now();
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (performance.now() - started > withinMs)
      throw new Error(`${what}: not within ${withinMs} ms; last: ${JSON.stringify(answer)?.slice(0, 2000)}`);
    await pause(50);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
