import { expect, test } from 'vitest';
import { BOOT_MS, byHand, handNode, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';
import { openingDigits } from './origins.ts';

const RATE = 100;
const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

/** A root that believes in at most 100 outcomes a second, and evidence of any number of them. */
async function root() {
  const disk = memoryDisk();
  const hand = byHand();
  const start = () => handNode({ hand, disk, tuning: { plausibleOutcomesPerSecond: RATE } });
  let node = await start();
  await node.apply(spec, me);
  const { id } = node.decide('p');
  await node.feedback([{ id, reward: 1 }]);
  const [[key, learner]] = [...node.state.learners];
  const evidence = learner.slots.evidence!;
  const one = [...learner.slots.slots.values()][0].evidence as { arms: Map<string, Float64Array> };
  const bytes = (outcomes: number): Uint8Array => {
    const row = [...one.arms.values()][0].map((value) => value * outcomes);
    return evidence.encode({ ...one, arms: new Map([[[...one.arms.keys()][0], row]]) });
  };
  return {
    key,
    bytes,
    state: () => node.state,
    pass: (forMs: number) => settle([node], forMs, forMs),
    child: (name: string, openedMs: number) => {
      const origin = `${name}~${openingDigits(openedMs)}00000000000000`;
      const link = spokenChild(node, name, origin.slice(name.length + 1));
      let version = 0;
      return (outcomes: number): number => {
        link.say({ slots: [{ key, origin, version: ++version, onlyVia: '', bytes: bytes(outcomes) }] });
        const held = node.state.learners.get(key)!.slots.slots.get(origin);
        return held === undefined ? 0 : evidence.outcomes(held.evidence);
      };
    },
    async restart(): Promise<void> {
      disk.crash();
      node = await start();
    },
    now: () => BOOT_MS + hand.ms,
  };
}

test('evidence of one outcome more or less is what the test says it is', async () => {
  const { child, now } = await root();
  expect(child('dev', now())(7)).toBe(7);
});

test('slack is granted once, not with every version', async () => {
  const { child, now, state } = await root();
  const say = child('dev', now());
  let held = 0;
  for (let version = 0; version < 100; version++) held = Math.max(held, say(held + 50 * RATE));
  // One minute of slack, at 100 a second.
  expect(held).toBeLessThanOrEqual(60 * RATE);
  expect(state().refused.implausible_evidence).toBeGreaterThan(90);
});

test('a node that has been at it for an hour may have learned for an hour', async () => {
  const { child, now } = await root();
  const say = child('dev', now() - 3_600_000);
  expect(say(3600 * RATE)).toBe(3600 * RATE);
  expect(say(3600 * RATE + 61 * RATE)).toBe(3600 * RATE);
});

test('nobody has learned unheard for longer than a week, whenever he says that he opened', async () => {
  const { child, now } = await root();
  const week = 7 * 86_400;
  expect(child('old', 0)((week + 61) * RATE)).toBe(0);
  expect(child('older', now() - 1e11)(week * RATE)).toBe(week * RATE);
});

test('the start stays where it is: over time, and over a restart', async () => {
  const { child, now, pass, restart } = await root();
  const say = child('dev', now());
  expect(say(50 * RATE)).toBe(50 * RATE);
  await pass(60_000);
  expect(say(121 * RATE)).toBe(50 * RATE);
  expect(say(119 * RATE)).toBe(119 * RATE);
  await pass(1000);
  const openedMs = now() - 61_000;
  await restart();
  const again = child('dev', openedMs);
  for (let i = 0; i < 4; i++) again(119 * RATE);
  expect(again(123 * RATE)).toBe(119 * RATE);
});

test('a clock that was ahead when its node started keeps nobody from learning', async () => {
  const { child, now, pass } = await root();
  const say = child('dev', now() + 3_600_000);
  await pass(600_000);
  expect(say(59 * RATE)).toBe(59 * RATE);
  await pass(600_000);
  expect(say(600 * RATE)).toBe(600 * RATE);
});
