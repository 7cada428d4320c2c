import { expect, test } from 'vitest';
import { encodeControls } from '../controls/control-codec.ts';
import { EMPTY_CONTROLS } from '../controls/control-state.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { fakeSeals } from '../testing/fake-seals.ts';
import { handNode, turns } from '../testing/hand-node.ts';
import { downMessage } from '../testing/spoken-parent.ts';

const fromParent = (incarnation: string, session: number, heard: number): DownMessage =>
  downMessage({ incarnation, session, heard });

async function child() {
  const node = await handNode({ name: 'dev', chance: { uint32: () => 7 }, seals: fakeSeals });
  const sent: UpMessage[] = [];
  const { receive } = node.connectParent((up) => sent.push(up));
  const beat = (): number => {
    node.pass(1000);
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

test('words that a parent goes back to are not the ones that it has forgotten', async () => {
  const { receive, beat, sent } = await child();
  const stopped = (tag: string) => {
    const kill = { tag, scope: '*', reason: 'stop', by: 'me', authority: '*', atMs: 1, subtree: 'cloud' };
    return { ...encodeControls(EMPTY_CONTROLS), kills: [kill] };
  };
  let seq = 0;
  const hear = async (tag: string, seal: string) => {
    const down = fromParent('cloud1', 1, beat());
    receive({ ...down, seq: ++seq, digest: seal, controls: stopped(tag), seal });
    await turns();
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
    await turns();
  }
  expect(handed()).toContain('bb');
  expect(handed()).not.toContain('aa');
});
