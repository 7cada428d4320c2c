import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { IngestEvent } from '../node-api.ts';
import { BOOT_MS, byHand, congruential, handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const USERS = ['a', 'b', 'c'];
const spec: PointSpec = {
  point: 'p',
  arms: ['x', 'y'],
  fallback: 'x',
  policy: { kind: 'split' },
  features: {
    user: {
      define: {
        n: { count: 'click' },
        sum: { count: 'click', sum: 'amount' },
        last: { last: 'amount', of: 'click', n: 4, as: 'sum' },
      },
    },
  },
  context: { n: { feature: 'user.n', default: 0 } },
};

type Step =
  | { readonly kind: 'send'; readonly users: readonly number[]; readonly awaited: boolean }
  | { readonly kind: 'again'; readonly count: number }
  | { readonly kind: 'fail'; readonly on: boolean }
  | { readonly kind: 'crash'; readonly afterTurns: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('send' as const),
    users: fc.array(fc.nat(USERS.length - 1), { minLength: 1, maxLength: 4 }),
    awaited: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('again' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('fail' as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant('crash' as const), afterTurns: fc.nat(12) }),
);

/**
 * Whatever disk and process do: what was answered for is there after a crash, and a sender that repeats what was not
 * answered for ends with every event counted exactly once.
 */
test('every event counts once, through crashes, failing disks and repetition', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const disk = memoryDisk({ chance: { uint32: () => 0 } });
      const hand = byHand({ ms: 1_000_000, chance: congruential(5) });
      const start = () => handNode({ hand, disk });
      let node = await start();
      await node.apply(spec, me);
      const sent: IngestEvent[] = [];
      const answered = new Set<string>();
      const send = (events: readonly IngestEvent[]): Promise<void> =>
        node.ingest(events).then(
          (results) => {
            for (const { id, status } of results)
              if (status === 'taken' || status === 'duplicate') answered.add(id);
          },
          () => {},
        );
      const crash = async (): Promise<void> => {
        disk.faults.commitFails = 0;
        disk.crash();
        node = await start();
        for (const user of USERS) {
          const mine = sent.filter(({ entity }) => entity === `user:${user}`);
          const n = node.entity('default', `user:${user}`).features[0].value ?? 0;
          expect(n).toBeGreaterThanOrEqual(mine.filter(({ id }) => answered.has(id)).length);
          expect(n).toBeLessThanOrEqual(mine.length);
        }
      };
      for (const each of steps) {
        hand.ms += 7;
        if (each.kind === 'send') {
          const events = each.users.map((user, i) => ({
            id: `e${sent.length + i}`,
            type: 'click',
            entity: `user:${USERS[user]}`,
            atMs: BOOT_MS + hand.ms,
            data: { amount: sent.length + i },
          }));
          sent.push(...events);
          const sending = send(events);
          if (each.awaited) await sending;
        } else if (each.kind === 'again') await send(sent.slice(-each.count));
        else if (each.kind === 'fail') disk.faults.commitFails = each.on ? 1 : 0;
        else {
          for (let i = 0; i < each.afterTurns; i++) await undefined;
          await crash();
        }
      }
      disk.faults.commitFails = 0;
      for (let tries = 0; tries < 5; tries++) {
        hand.ms += 10_000;
        await send(sent.filter(({ id }) => !answered.has(id)));
      }
      expect(answered.size).toBe(sent.length);
      await crash();
      for (const user of USERS) {
        const amounts = sent
          .filter(({ entity }) => entity === `user:${user}`)
          .map(({ data }) => Number(data?.amount));
        const [n, total, last] = node.entity('default', `user:${user}`).features.map(({ value }) => value);
        const add = (values: number[]): number => values.reduce((sum, x) => sum + x, 0);
        if (amounts.length === 0) expect(n).toBeNull();
        else expect([n, total, last]).toEqual([amounts.length, add(amounts), add(amounts.slice(-4))]);
      }
    }),
    { numRuns: 150 },
  );
});
