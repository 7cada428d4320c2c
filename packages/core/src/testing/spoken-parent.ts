import { type DownMessage, PROTOCOL } from '../sync/messages.ts';
import { BOOT_MS } from './hand-node.ts';

/** A message of a parent in which nothing is said but what is given, by default the first one of a root `cloud`. */
export function downMessage(rest: Partial<DownMessage> = {}): DownMessage {
  return {
    v: PROTOCOL,
    node: 'cloud',
    incarnation: 'x',
    session: 1,
    seq: 1,
    ack: 0,
    heard: 0,
    path: ['cloud'],
    leaseAgeMs: null,
    treeMs: BOOT_MS,
    digest: '',
    controls: null,
    share: 0,
    bases: [],
    feedback: [],
    answers: [],
    ...rest,
  };
}
