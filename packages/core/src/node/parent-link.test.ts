import { expect, test } from 'vitest';
import { createNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { type DownMessage, PROTOCOL, type UpMessage } from '../sync/messages.ts';
import { fakeSeals } from '../testing/fake-seals.ts';

const fromParent = (incarnation: string, session: number, heard: number): DownMessage => ({
  v: PROTOCOL,
  node: 'cloud',
  incarnation,
  session,
  seq: 1,
  ack: 0,
  heard,
  path: ['cloud'],
  leaseAgeMs: null,
  treeMs: 1_700_000_000_000,
  digest: '',
  controls: null,
  share: 0,
  bases: [],
  feedback: [],
  answers: [],
});

async function child() {
  let ms = 1000;
  const node = await createNode({
    name: 'dev',
    tier: 'device',
    root: false,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
      chance: { uint32: () => 7 },
      seals: fakeSeals,
    },
  });
  const sent: UpMessage[] = [];
  const { receive } = node.connectParent((up) => sent.push(up));
  const beat = (): number => {
    ms += 1000;
    node.tick();
    return sent.at(-1)!.seq;
  };
  return { node, sent, receive, beat, parent: () => sent.at(-1)!.parentIncarnation };
}

test('an answer of the process before, overtaken by one of the process in its place, ends nothing', async () => {
  const { node, receive, beat, parent } = await child();
  const early = beat();
  const late = beat();
  receive(fromParent('new', 2, late));
  // What the former process had heard, its last word, or even what was sent last before the new one was known.
  receive(fromParent('old', 1, early));
  receive(fromParent('old', 1, late));
  beat();
  expect(parent()).toBe('new');
  expect(node.state.refused.former_parent).toBe(2);
  receive(fromParent('new', 2, beat()));
  expect(node.state.refused.former_parent).toBe(2);
});

test('the next process is followed from the first answer to what was sent since', async () => {
  const { receive, beat, parent } = await child();
  receive(fromParent('old', 1, beat()));
  receive(fromParent('new', 2, beat()));
  beat();
  expect(parent()).toBe('new');
});
