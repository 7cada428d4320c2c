import {
  DEFAULT_LIMITS,
  type DownMessage,
  decodeMessage,
  encodeMessage,
  type HostedNode,
  type UpMessage,
} from '@ganglion/core';
import { mail, memoryNode, turn } from './network.ts';
import { POINT } from './point.ts';

/** What a real node said to its parent, once for every stage of its learning: the others say the same under their names. */
export type Script = readonly UpMessage[];

/** Records the messages of one real device below `parent`, learning between them. */
export async function recordScript(parent: HostedNode, stages: number): Promise<Script> {
  const device = await memoryNode('donor', 'device', false, { heartbeatMs: 1, telemetryEveryMs: 1 });
  const post = mail();
  const said: UpMessage[] = [];
  const { receive } = device.connectParent((up) => {
    said.push(up);
    post.post(() => parent.receiveUp(up, (down) => post.post(() => receive(down))));
  });
  const settle = async (done: () => boolean): Promise<void> => {
    for (let i = 0; i < 2000 && !done(); i++) {
      device.tick();
      parent.tick();
      post.deliver();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (!done()) throw new Error('the donor did not get through to its parent');
  };
  // Without a lease it would serve the fallback, and learn nothing.
  await settle(() => device.point(POINT.point) !== undefined && device.nodes()[0].lease.state === 'held');
  const script: UpMessage[] = [];
  for (let stage = 0; stage < stages; stage++) {
    said.length = 0;
    await teachBriefly(device);
    await settle(() => said.some(({ slots }) => slots.length > 0));
    const told = said.find(({ slots }) => slots.length > 0) as UpMessage;
    script.push({
      ...told,
      telemetry: said.flatMap(({ telemetry }) => telemetry).slice(0, 1),
      controls: null,
    });
  }
  await device.close();
  return script;
}

async function teachBriefly(device: HostedNode): Promise<void> {
  const items = Array.from({ length: 200 }, (_, i) => {
    const { id } = device.decide(POINT.point, { unit: `u${i}`, context: { region: 'eu', load: 0.5 } });
    return { id, reward: i % 3 === 0 ? 1 : 0 };
  });
  await device.feedback(items);
  await turn();
}

/** A child reduced to its link: it says what a device says, hears what it is told, and keeps what the protocol needs. */
export interface Uplink {
  readonly name: string;
  seq: number;
  version: number;
  /** Content heard to be durable. */
  acked: number;
  parent: DownMessage | undefined;
  readonly revisions: Map<string, number>;
  bytesUp: number;
  bytesDown: number;
}

export function uplink(name: string): Uplink {
  return {
    name,
    seq: 0,
    version: 0,
    acked: 0,
    parent: undefined,
    revisions: new Map(),
    bytesUp: 0,
    bytesDown: 0,
  };
}

const INCARNATION = 'bench00';

/** Says what is next in the script; with `codec`, through bytes both ways, as over a socket. */
export function speak(link: Uplink, stage: UpMessage, region: HostedNode, codec: boolean): void {
  const up = messageOf(link, stage);
  const hear = (down: DownMessage): void => {
    if (!codec) return listen(link, down);
    const bytes = encodeMessage(down);
    link.bytesDown += bytes.length;
    const heard = decodeMessage(bytes, DEFAULT_LIMITS);
    if (heard.kind === 'down') listen(link, heard.message);
  };
  if (!codec) return region.receiveUp(up, hear);
  const bytes = encodeMessage(up);
  link.bytesUp += bytes.length;
  const received = decodeMessage(bytes, DEFAULT_LIMITS);
  if (received.kind === 'up') region.receiveUp(received.message, hear);
}

function messageOf(link: Uplink, stage: UpMessage): UpMessage {
  const { parent, name } = link;
  const joined = parent !== undefined;
  if (joined) link.version++;
  const origin = `${name}~${INCARNATION}`;
  return {
    ...stage,
    node: name,
    incarnation: INCARNATION,
    parentIncarnation: parent?.incarnation ?? '',
    session: parent?.session ?? 0,
    seq: ++link.seq,
    heardDown: parent?.seq ?? 0,
    content: joined,
    complete: joined,
    slots: joined ? stage.slots.map((slot) => ({ ...slot, origin, version: link.version, onlyVia: '' })) : [],
    learners: stage.learners.map(([key]) => [key, link.revisions.get(key) ?? -1] as const),
    digest: parent?.digest ?? '',
    joined: parent?.digest ?? '',
    applied: [],
    feedback: [],
    feedbackAcks: [],
    telemetry: stage.telemetry.map((each) => ({ ...each, status: { ...each.status, node: name } })),
    asks: [],
  };
}

function listen(link: Uplink, down: DownMessage): void {
  link.parent = { ...down, bases: [], controls: null };
  link.acked = Math.max(link.acked, down.ack);
  for (const base of down.bases) link.revisions.set(base.key, base.revision);
}
