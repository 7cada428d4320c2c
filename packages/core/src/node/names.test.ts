import { describe, expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import type { DownMessage, Telemetry, UpMessage } from '../sync/messages.ts';
import { type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type SpokenChild, spokenChild } from '../testing/spoken-child.ts';
import { openingDigits } from './origins.ts';

const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

/** A child that has begun its exchange: what it says, and what it hears. */
const child = (node: HostedNode, name: string, incarnation = 'x1') => ({
  ...spokenChild(node, name, incarnation),
  origin: `${name}~${incarnation}`,
});

const word = (node: HostedNode, name: string, ageMs = 0): Telemetry => ({
  status: { ...node.nodes()[0], node: name, ageMs },
  reports: [],
  via: '',
});

/** Evidence of one outcome, as a device learns it. */
async function outcome(reward = 1): Promise<{ key: string; bytes: Uint8Array }> {
  const node = await handNode();
  await node.apply(spec, me);
  await node.feedback([{ id: node.decide('p').id, reward }]);
  const [[key, learner]] = node.state.learners;
  const [slot] = learner.slots.slots.values();
  return { key, bytes: slot.bytes as Uint8Array };
}

const outcomesAt = (node: HostedNode): number => {
  const [learner] = node.state.learners.values();
  let n = 0;
  for (const slot of learner.slots.slots.values())
    if (slot.counted && !slot.quarantined) n += learner.slots.evidence?.outcomes(slot.evidence) ?? 0;
  return n;
};

describe('a link speaks for its own name and for those it relays', () => {
  test('a sibling that is connected here keeps its report, its way and its acknowledgements', async () => {
    const node = await handNode();
    const d1 = child(node, 'd1');
    const d2 = child(node, 'd2');
    d1.say({ telemetry: [word(node, 'd1', 5)] });
    const { tag } = await node.kill({ scope: '*', reason: 'stop', by: me });
    d2.say({ telemetry: [word(node, 'd1')], applied: [{ node: 'd1', tags: [tag] }] });
    expect(node.state.routes.get('d1')).toBe(d1.origin);
    expect(node.state.below.get('d1')?.telemetry.status.ageMs).toBe(5);
    const acks = node.controls().kills[0].acknowledgements;
    expect(acks.find((ack) => ack.node === 'd1')?.state).toBe('waiting');
    expect(node.nodes()[0].refused.name_of_another).toBe(2);
  });

  test('nor is a node taken that another child relays, as long as there is word of it', async () => {
    const node = await handNode();
    const r1 = child(node, 'r1');
    const r2 = child(node, 'r2');
    r1.say({ telemetry: [word(node, 'd1')] });
    r2.say({ telemetry: [word(node, 'd1')] });
    expect(node.state.routes.get('d1')).toBe(r1.origin);
    // It has moved: its former parent has nothing new to say of it.
    for (let i = 0; i < 20; i++) {
      node.pass(1000);
      r1.say({ telemetry: [word(node, 'd1', 1000 * i)] });
      r2.say({ telemetry: [word(node, 'd1')] });
    }
    expect(node.state.routes.get('d1')).toBe(r2.origin);
  });

  test('who connects here under a name has it, whatever others relay', async () => {
    const node = await handNode();
    const r1 = child(node, 'r1');
    r1.say({ telemetry: [word(node, 'd1')] });
    const d1 = child(node, 'd1');
    r1.say({ telemetry: [word(node, 'd1')] });
    expect(node.state.routes.get('d1')).toBe(d1.origin);
  });

  test('a link that has gone silent holds no name', async () => {
    const node = await handNode();
    child(node, 'd1');
    const r1 = child(node, 'r1');
    node.pass(60_000);
    r1.say({ telemetry: [word(node, 'd1')] });
    expect(node.state.routes.get('d1')).toBe(r1.origin);
  });

  test('feedback on its way to a sibling is not acknowledged in its name', async () => {
    const node = await handNode();
    const d1 = child(node, 'd1');
    const d2 = child(node, 'd2');
    await node.feedback([{ id: 'd1~x1~0~1', reward: 1 }]);
    d1.say({});
    d2.say({ feedbackAcks: [1] });
    expect(node.state.outbox.size).toBe(1);
    d1.say({ feedbackAcks: [1] });
    expect(node.state.outbox.size).toBe(0);
  });
});

describe('evidence under another’s name', () => {
  test('waits while that node is here, and counts once it is gone: it may have moved', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const d1 = child(node, 'd1');
    const r1 = child(node, 'r1');
    const slot = { key, origin: 'd1~x1', version: 1, onlyVia: '', bytes };
    d1.say({ slots: [slot], content: true });
    r1.say({ slots: [{ ...slot, version: 9 }], content: true });
    expect(node.state.learners.get(key)?.slots.slots.get('d1~x1')?.version).toBe(1);
    expect(node.nodes()[0].refused.name_of_another).toBe(1);
    node.pass(3000);
    expect(node.state.learners.get(key)?.slots.slots.get('d1~x1')?.version).toBe(1);
    node.pass(3000);
    r1.say({});
    node.pass(1000);
    expect(node.state.learners.get(key)?.slots.slots.get('d1~x1')).toMatchObject({
      version: 9,
      route: r1.origin,
    });
  });

  test('is let go once what its node had learned by then has been folded: whoever lists it is to drop it', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const d1 = child(node, 'd1');
    const r1 = child(node, 'r1');
    const origin = `d1~${openingDigits(5000)}${'7'.repeat(14)}`;
    d1.say({ content: true });
    const learners = [[key, -1]] as const;
    r1.say({ slots: [{ key, origin, version: 9, onlyVia: '', bytes }], learners, content: true });
    const link = node.state.children.get(r1.origin)!;
    expect(link.parked.size).toBe(1);
    node.state.folded.set(`${key}\nd1`, 5000);
    for (let i = 0; i < 2; i++) {
      node.pass(1000);
      d1.say({});
      r1.say({ learners });
    }
    expect(link.parked.size).toBe(0);
    expect(r1.heard.flatMap(({ bases }) => bases).at(-1)?.foreign).toEqual([origin]);
    expect(node.nodes()[0].refused.evidence_of_retired_origin).toBe(1);
  });

  test('is left out of the base of whoever lists it, so that it counts there once', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const d1 = child(node, 'd1');
    const r1 = child(node, 'r1');
    const slot = { key, origin: 'd1~x1', version: 1, onlyVia: '', bytes };
    d1.say({ slots: [slot], content: true });
    r1.say({ slots: [{ ...slot, version: 2 }], content: true, learners: [[key, -1]] });
    node.pass(2000);
    r1.say({});
    const base = r1.heard.flatMap((down) => down.bases).at(-1);
    const { evidence } = node.state.learners.get(key)!.slots;
    expect(evidence!.outcomes(evidence!.decode(base!.bytes, node.state.limits))).toBe(0);
  });
});

/** The outcomes in the newest total that a child has heard. */
function outcomesIn(node: HostedNode, heard: readonly DownMessage[]): number | undefined {
  const [learner] = node.state.learners.values();
  const base = heard.flatMap((down) => down.bases).at(-1);
  const { evidence } = learner.slots;
  return base === undefined ? undefined : evidence?.outcomes(evidence.decode(base.bytes, node.state.limits));
}

describe('what came through a child that has dropped it since', () => {
  const listed = async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const slot = { key, origin: 'dev~o1', version: 1, onlyVia: '', bytes };
    const learners = [[key, -1]] as const;
    const region = child(node, 'region');
    region.say({ slots: [slot], learners, content: true });
    node.pass(500);
    region.say({ learners });
    expect(outcomesIn(node, region.heard)).toBe(0);
    return { node, slot, learners, region };
  };

  test('is in its totals when it comes back without it', async () => {
    const { node, learners } = await listed();
    // The same process, which was elsewhere: there it was told that the totals have it.
    const back = child(node, 'region');
    back.say({ learners, connection: 2 });
    back.say({ learners, connection: 2 });
    node.pass(500);
    back.say({ learners, connection: 2 });
    expect(outcomesIn(node, back.heard)).toBe(1);
    expect(outcomesAt(node)).toBe(1);
  });

  test('and when it is told to drop it, for its node is elsewhere', async () => {
    const { node, slot, learners, region } = await listed();
    const other = child(node, 'other');
    other.say({ telemetry: [word(node, 'dev')] });
    region.say({ slots: [slot], learners, content: true });
    node.pass(500);
    other.say({ telemetry: [word(node, 'dev')] });
    region.say({ learners });
    const named = region.heard.flatMap((down) => down.bases).at(-1)?.foreign;
    expect(named).toEqual(['dev~o1']);
    expect(outcomesIn(node, region.heard)).toBe(1);
  });
});

describe('what a child listed of a node that is another’s, once that other brings it', () => {
  /** What a child is told to drop, by the newest total it gets within two heartbeats. */
  const namedAfter = (node: HandNode, one: SpokenChild, learners: UpMessage['learners']) => {
    for (let i = 0; i < 2; i++) {
      node.pass(1000);
      one.say({ learners });
    }
    return one.heard.flatMap(({ bases }) => bases).at(-1)?.foreign;
  };
  /** The device was below `one`, which holds a version of it; it is below `two` by now, and `one` lists a newer one. */
  const moved = async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const slot = { key, origin: 'dev~o1', version: 1, onlyVia: '', bytes };
    const learners = [[key, -1]] as const;
    const one = child(node, 'one');
    const two = child(node, 'two');
    one.say({ slots: [slot], learners, content: true });
    two.say({ telemetry: [word(node, 'dev')] });
    one.say({ slots: [{ ...slot, version: 3 }], learners, content: true });
    return { node, slot, learners, one, two };
  };
  const routeOf = (node: HostedNode) =>
    [...node.state.learners.values()][0].slots.slots.get('dev~o1')?.route ?? '';

  test('is not taken from it later: it was told to drop it', async () => {
    const { node, slot, learners, one, two } = await moved();
    // The word that the device is below it has grown stale meanwhile: of whom it is now, either may say.
    node.hand.ms += 10_000;
    two.say({ slots: [{ ...slot, version: 3 }], learners, content: true });
    one.say({ learners });
    expect(namedAfter(node, one, learners)).toEqual(['dev~o1']);
    expect(routeOf(node)).toBe(two.origin);
  });

  test('is kept where it lists news after the other has brought an older version', async () => {
    const { node, slot, learners, one, two } = await moved();
    two.say({ slots: [{ ...slot, version: 4 }], learners, content: true });
    // Before it has heard that it should drop the third, it lists a fifth, and nobody else has that.
    one.say({ slots: [{ ...slot, version: 5 }], learners, content: true });
    expect(namedAfter(node, one, learners)).toEqual([]);
    expect(routeOf(node)).toBe(two.origin);
  });

  test('waits on if it is newer still, and it need not drop what nobody else has', async () => {
    const { node, slot, learners, one, two } = await moved();
    two.say({ slots: [{ ...slot, version: 2 }], learners, content: true });
    expect(namedAfter(node, one, learners)).toEqual([]);
    two.say({ slots: [{ ...slot, version: 3 }], learners, content: true });
    expect(namedAfter(node, one, learners)).toEqual(['dev~o1']);
    expect(outcomesAt(node)).toBe(1);
  });
});

describe('what a child lists of a node that is another’s, and of which that other has more', () => {
  /** The device is below `two`; `one` still lists what it held of it. */
  const behind = async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const slot = { key, origin: 'dev~o1', version: 2, onlyVia: '', bytes };
    const learners = [[key, -1]] as const;
    const one = child(node, 'one');
    const two = child(node, 'two');
    two.say({ telemetry: [word(node, 'dev')], slots: [slot], learners, content: true });
    one.say({ slots: [{ ...slot, version: 1 }], learners, content: true });
    const said = () => {
      node.pass(1000);
      one.say({ learners });
      return one.heard.flatMap(({ bases }) => bases).at(-1)?.newer;
    };
    return { slot, learners, one, said };
  };

  test('is said to be behind: its disk may be an older image', async () => {
    const { said } = await behind();
    expect(said()).toEqual(['dev~o1']);
  });

  test('is not, once it lists the same: the device has come back to it, and is in step', async () => {
    const { slot, learners, one, said } = await behind();
    one.say({ slots: [slot], learners, content: true });
    expect(said()).toBeUndefined();
  });

  test('is still, where it lists as much and not the same: it went on from an older image', async () => {
    const { slot, learners, one, said } = await behind();
    const other = await outcome(0);
    expect(other.bytes).not.toEqual(slot.bytes);
    one.say({ slots: [{ ...slot, bytes: other.bytes }], learners, content: true });
    expect(said()).toEqual(['dev~o1']);
  });
});

describe('evidence that a node has left behind', () => {
  const opened = (atMs: number): string => `${openingDigits(atMs)}${'7'.repeat(14)}`;
  /** The device is below `two` now, under this incarnation; `one` lists what it learned last while it was there. */
  const left = async (live: string) => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const slot = { key, origin: `dev~${opened(5000)}`, version: 1, onlyVia: '', bytes };
    const one = child(node, 'one');
    const two = child(node, 'two');
    one.say({ slots: [slot], content: true });
    const there = word(node, 'dev');
    two.say({ telemetry: [{ ...there, status: { ...there.status, incarnation: live } }] });
    const say = (by: SpokenChild) => by.say({ slots: [{ ...slot, version: 3 }], content: true });
    const held = () => node.state.learners.get(key)?.slots.slots.get(slot.origin);
    return { node, one, two, say, held };
  };

  test('is taken from where it came before, for it goes on under a later incarnation: nobody else may have it', async () => {
    const { node, one, say, held } = await left(opened(9000));
    say(one);
    expect(held()).toMatchObject({ version: 3, route: one.origin });
    expect(outcomesAt(node)).toBe(1);
  });

  test('and from where it is now, if it still has it', async () => {
    const { node, one, two, say, held } = await left(opened(9000));
    say(one);
    say(two);
    expect(held()).toMatchObject({ version: 3, route: two.origin });
    expect(outcomesAt(node)).toBe(1);
  });

  test('is not taken while it goes on under the same, or under one that tells no time', async () => {
    for (const live of [opened(5000), opened(4000), 'o1']) {
      const { one, say, held } = await left(live);
      say(one);
      expect(held()?.version).toBe(1);
    }
  });

  test('nor from anybody by whom it has not come', async () => {
    const { node, say, held } = await left(opened(9000));
    say(child(node, 'three'));
    expect(held()?.version).toBe(1);
  });
});

describe('a quarantined child', () => {
  test('teaches nothing under an invented name either, and what it taught counts again once that is lifted', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { key, bytes } = await outcome();
    const d2 = child(node, 'd2');
    const slot = { key, origin: 'd2~x1', version: 1, onlyVia: '', bytes };
    d2.say({ slots: [slot, { ...slot, origin: 'nobody~x1' }], content: true });
    expect(outcomesAt(node)).toBe(2);
    await node.quarantine({ node: 'd2', reason: 'poison', by: me });
    expect(outcomesAt(node)).toBe(0);
    d2.say({ slots: [{ ...slot, origin: 'someone~x1' }], content: true });
    expect(outcomesAt(node)).toBe(0);
    const { tags } = await node.liftQuarantine({ node: 'd2', reason: 'mended', by: me });
    expect(tags).toHaveLength(1);
    expect(outcomesAt(node)).toBe(3);
    expect(node.controls().quarantined).toEqual([]);
    expect(node.audit(1)[0]).toMatchObject({ action: 'quarantine.lift', target: 'd2', reason: 'mended' });
    await expect(node.liftQuarantine({ node: 'd2', reason: 'again', by: me })).rejects.toMatchObject({
      code: 'unknown_control',
    });
  });

  test('is left out further up too, where nobody knows whose child the invented name is', async () => {
    const cloud = await handNode();
    const region = await handNode({ name: 'r1', tier: 'cloud' });
    await cloud.apply(spec, me);
    const { key, bytes } = await outcome();
    join(cloud, region);
    await settle([region, cloud]);
    const d2 = child(region, 'd2');
    d2.say({
      slots: [{ key, origin: 'nobody~x1', version: 1, onlyVia: '', bytes }],
      content: true,
      telemetry: [word(region, 'd2')],
    });
    await settle([region, cloud]);
    expect(outcomesAt(cloud)).toBe(1);
    await cloud.quarantine({ node: 'd2', reason: 'poison', by: me });
    await settle([region, cloud]);
    expect(outcomesAt(cloud)).toBe(0);
    await cloud.liftQuarantine({ node: 'd2', reason: 'mended', by: me });
    await settle([region, cloud]);
    expect(outcomesAt(cloud)).toBe(1);
  });
});
