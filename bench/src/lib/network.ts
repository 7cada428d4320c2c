import { systemChance, systemClock } from '@ganglion/adapters/system';
import {
  createNode,
  type DownMessage,
  type HostedNode,
  type NodeTuning,
  type Tier,
  type UpMessage,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';

/** Messages under way in this process: handed over in a later turn, as over a network, so that nobody is re-entered. */
export interface Mail {
  /** Delivers what is under way, and what it causes, until there is nothing; returns how many messages that were. */
  deliver(): number;
  post(hand: () => void): void;
}

export function mail(): Mail {
  let queue: (() => void)[] = [];
  return {
    post: (hand) => void queue.push(hand),
    deliver() {
      let count = 0;
      while (queue.length > 0) {
        const batch = queue;
        queue = [];
        for (const hand of batch) hand();
        count += batch.length;
      }
      return count;
    },
  };
}

/** A node in memory on this machine's clock, ticked by whoever runs the story. */
export function memoryNode(
  name: string,
  tier: Tier,
  root: boolean,
  tuning?: Partial<NodeTuning>,
): Promise<HostedNode> {
  return createNode({
    name,
    tier,
    root,
    registry: standard,
    ports: { clock: systemClock(), chance: systemChance() },
    ...(tuning === undefined ? {} : { tuning }),
  });
}

export function linked(child: HostedNode, parent: HostedNode, post: Mail): void {
  const { receive } = child.connectParent((up: UpMessage) =>
    post.post(() => parent.receiveUp(up, (down: DownMessage) => post.post(() => receive(down)))),
  );
}

/** Promises that are already resolved have their turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
