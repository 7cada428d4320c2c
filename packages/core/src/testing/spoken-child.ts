import type { HostedNode } from '../node.ts';
import { type DownMessage, PROTOCOL, type UpMessage } from '../sync/messages.ts';

/** A message of a child's link in which nothing is said but what is given, by default of a device that has just come. */
export function upMessage(rest: Partial<UpMessage> = {}): UpMessage {
  return {
    v: PROTOCOL,
    node: 'dev',
    incarnation: 'x1',
    tier: 'device',
    parentIncarnation: '',
    connection: 1,
    session: 0,
    seq: 1,
    heardDown: 0,
    content: false,
    complete: true,
    slots: [],
    learners: [],
    digest: '',
    joined: '',
    controls: null,
    applied: [],
    feedback: [],
    feedbackAcks: [],
    telemetry: [],
    share: 0,
    asks: [],
    ...rest,
  };
}

/** A child that is nothing but what it says: honest, chatty or hostile, as a test wants it. */
export interface SpokenChild {
  /** Sends one message of its link; what is not given is empty. Returns the newest answer so far. */
  say(rest?: Partial<UpMessage>): DownMessage;
  /** All that it was told, oldest first. */
  readonly heard: readonly DownMessage[];
}

/** It has greeted already: what it says from now on is in session. */
export function spokenChild(node: HostedNode, name: string, incarnation = 'x1'): SpokenChild {
  const heard: DownMessage[] = [];
  let seq = 0;
  const say = (rest: Partial<UpMessage> = {}): DownMessage => {
    const last = heard.at(-1);
    const message = upMessage({
      node: name,
      incarnation,
      parentIncarnation: last?.incarnation ?? '',
      session: last?.session ?? 0,
      seq: ++seq,
      heardDown: last?.seq ?? 0,
      content: rest.slots !== undefined || rest.feedback !== undefined || rest.applied !== undefined,
      ...rest,
    });
    node.receiveUp(message, (down) => heard.push(down));
    return heard.at(-1) as DownMessage;
  };
  say();
  return { say, heard };
}
