import { describe, expect, test } from 'vitest';
import type { Evidence } from '../evidence.ts';
import { moments } from '../learners/moments.ts';
import { adoptBase, learnerSlots, receiveSlot, type Slot, sumBelow } from './slots.ts';

const evidence = moments({ range: [0, 1] });
const at = { selfOrigin: 'region~1', isRoot: false, quarantined: false, nowMs: 0 };

function lesson(outcomes: number) {
  const own = evidence.zero();
  for (let i = 0; i < outcomes; i++) evidence.record(own, 'a#0', 1, 1, 0);
  return own;
}

const incoming = (version: number, onlyVia: string) => ({
  origin: 'phone~1',
  version,
  onlyVia,
  bytes: evidence.encode(lesson(version)),
  evidence: lesson(version),
});

/** A region that has heard of a phone, and has handed that up. */
function region() {
  const learner = learnerSlots('key', evidence as unknown as Evidence<unknown>);
  receiveSlot(learner, incoming(1, 'region~1'), 'phone~1', at);
  const slot = learner.slots.get('phone~1') as Slot;
  Object.assign(slot, { durableVersion: 1, ackedVersion: 1, listedIn: 1 });
  return learner;
}

const below = (learner: ReturnType<typeof region>): number =>
  evidence.outcomes(sumBelow(learner) as ReturnType<typeof evidence.zero>);

describe('a slot that was sent nowhere else', () => {
  test('counts at once', () => expect(below(region())).toBe(1));

  test('counts no more once it has left, whatever a message says that was under way meanwhile', () => {
    const learner = region();
    const base = { evidence: lesson(2), revision: 1, asOf: 1 };
    expect(adoptBase(learner, base, ['phone~1'], 'region~1')?.left).toHaveLength(1);
    expect(below(learner)).toBe(0);
    // The base holds two outcomes of this phone: one more of it here would count them twice.
    expect(receiveSlot(learner, incoming(2, 'region~1'), 'phone~1', at).result).toBe('news');
    expect(below(learner)).toBe(0);
  });

  test('counts again when the base leaves it out: the phone is back', () => {
    const learner = region();
    adoptBase(learner, { evidence: lesson(1), revision: 1, asOf: 1 }, ['phone~1'], 'region~1');
    receiveSlot(learner, incoming(3, 'region~1'), 'phone~1', at);
    (learner.slots.get('phone~1') as Slot).listedIn = 2;
    adoptBase(learner, { evidence: lesson(0), revision: 2, asOf: 2 }, [], 'region~1');
    expect(below(learner)).toBe(3);
  });
});
