import { expect, test } from 'vitest';
import { encodeControls } from '../controls/control-codec.ts';
import { EMPTY_CONTROLS } from '../controls/control-state.ts';
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
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await undefined;
  };
  return { node, sent, receive, beat, settle, parent: () => sent.at(-1)!.parentIncarnation };
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

test('words that a parent goes back to are not the ones that it has forgotten', async () => {
  const { receive, beat, sent, settle } = await child();
  const stopped = (tag: string) => {
    const kill = { tag, scope: '*', reason: 'stop', by: 'me', authority: '*', atMs: 1, subtree: 'cloud' };
    return { ...encodeControls(EMPTY_CONTROLS), kills: [kill] };
  };
  let seq = 0;
  const hear = async (tag: string, seal: string) => {
    const down = fromParent('cloud1', 1, beat());
    receive({ ...down, seq: ++seq, digest: seal, controls: stopped(tag), seal });
    await settle();
  };
  const handed = () =>
    sent.flatMap(({ words }) => (words === null || words === undefined ? [] : [words.seal]));
  await hear('cloud~c1~1', 'aa');
  await hear('cloud~c1~2', 'bb');
  // Its disk has lied, or is an older one: it is where it was before the second.
  await hear('cloud~c1~1', 'aa');
  sent.length = 0;
  for (let i = 0; i < 40; i++) {
    beat();
    await settle();
  }
  expect(handed()).toContain('bb');
  expect(handed()).not.toContain('aa');
});
