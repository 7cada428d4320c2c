import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { BackendChooser, BackendOutcome } from './balancer.ts';
import { seededRandom } from './demo-random.ts';
import { bodyOf, deadOrigin, eventually, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const EXCHANGES = 600;
const AT_ONCE = 30;

/** Answers each request with its own id, over and over; misbehaves as its path says. */
function troubled(): Promise<string> {
  return scope.backend(async (incoming, response) => {
    const [, trouble, id, length] = (incoming.url as string).split('/');
    if (trouble === 'reset') return void incoming.socket.resetAndDestroy();
    if (trouble === 'hang') return;
    if (trouble === 'early') {
      response.writeHead(413).end(id);
      return;
    }
    const body = await bodyOf(incoming).catch(() => undefined);
    if (body === undefined) return;
    const answer = Buffer.from(id.repeat(Number(length)));
    if (trouble === 'cut') {
      response.writeHead(200, { 'content-length': answer.length + 1 });
      response.write(answer, () => incoming.socket.destroy());
    } else if (trouble === 'fail') response.writeHead(500).end(answer);
    else response.end(answer);
  });
}

interface Told {
  readonly arm: string;
  ends: number;
  outcome: BackendOutcome | undefined;
}

describe('under everything at once', () => {
  it.each([1, 2, 3])(
    'each choice is told its end exactly once, and no answer is mixed up (seed %d)',
    async (seed) => {
      const random = seededRandom(seed);
      const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)];
      const arms = { a: await troubled(), b: await troubled(), dead: deadOrigin() };
      const told: Told[] = [];
      const chooser: BackendChooser = {
        choose({ exclude }) {
          const free = Object.keys(arms).filter((arm) => !exclude.includes(arm));
          if (free.length === 0) return undefined;
          const one: Told = { arm: pick(...free), ends: 0, outcome: undefined };
          told.push(one);
          return {
            arm: one.arm,
            origin: arms[one.arm as keyof typeof arms],
            done(outcome) {
              one.ends += 1;
              one.outcome = outcome;
            },
          };
        },
      };
      const errors: unknown[] = [];
      const { url, proxy } = await scope.proxy({
        chooser,
        headTimeoutMs: 300,
        clientIdleTimeoutMs: 300,
        onError: (error) => errors.push(error),
      });
      let mixedUp = 0;
      let whole = 0;
      const one = async (n: number): Promise<void> => {
        const id = `.${n}.`;
        const trouble = pick('none', 'none', 'none', 'fail', 'reset', 'cut', 'hang', 'early');
        const length = pick(0, 1, 10, 50_000);
        const method = pick('GET', 'GET', 'POST', 'PUT');
        const leaves = pick(undefined, undefined, 0, 1, 5, 30);
        const response = await new Promise<IncomingMessage | undefined>((resolve) => {
          const headers = method === 'GET' ? {} : pick({}, { 'transfer-encoding': 'chunked' });
          const outgoing = request(`${url}/${trouble}/${id}/${length}`, { method, headers }, resolve);
          outgoing.on('error', () => resolve(undefined));
          outgoing.on('close', () => resolve(undefined));
          outgoing.end(method === 'GET' ? undefined : 'y'.repeat(pick(1, 100, 200_000)));
          if (leaves !== undefined) setTimeout(() => outgoing.destroy(), leaves);
        });
        if (response === undefined) return;
        const body = await bodyOf(response).catch(() => undefined);
        const ours = response.headers['content-type'] === 'application/problem+json';
        if (body === undefined || ours) return;
        whole += 1;
        const expected = trouble === 'early' ? id : id.repeat(length);
        if (trouble === 'cut' || body.toString() !== expected) mixedUp += 1;
      };
      let next = 0;
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < EXCHANGES) await one(next++);
        }),
      );
      await eventually(() => proxy.stats.inFlight === 0);
      expect(mixedUp).toBe(0);
      // Enough came through for the above to mean something.
      expect(whole).toBeGreaterThan(EXCHANGES / 20);
      expect(told.filter(({ ends }) => ends !== 1)).toEqual([]);
      expect(errors).toEqual([]);
      for (const { arm, outcome } of told) if (outcome?.fault === 'none') expect(arm).not.toBe('dead');
    },
  );
});
