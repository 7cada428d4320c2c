import { createNode, type HostedNode, type HostOptions } from '../node.ts';
import type { Actor } from '../node-api.ts';
import type { Chance, Seals } from '../ports.ts';
import { standard } from '../presets/standard.ts';
import type { Stream } from '../stats/random.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import type { MemoryDisk } from './memory-storage.ts';

/** Somebody who may do anything anywhere. */
export const me: Actor = { name: 'me', authority: '*' };

/** What the wall clock of a machine says as the machine starts, in ms since the Unix epoch, where a test names no other time. */
export const BOOT_MS = 1_700_000_000_000;

/** Time and chance of the machines of a test, which move only as the test moves them. Nodes may share them. */
export interface Hand {
  /** Monotonic time, ms. */
  ms: number;
  /** What the wall clock says, in ms since the Unix epoch, where the monotonic one says 0; another value is a step of it. */
  bootMs: number;
  readonly chance: Chance;
}

/** Chance that deals 1, 2, 3 …: never the same word twice, so that no two processes are taken for one. */
export function counting(word = 1): Chance {
  return { uint32: () => word++ };
}

/** Chance whose words are spread over their range: the congruential generator of Numerical Recipes. */
export function congruential(word = 1): Chance {
  return { uint32: () => (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) };
}

/** Chance from a stream, which the test may go on drawing from. */
export function drawnFrom(random: Stream): Chance {
  return { uint32: () => random.integer(4294967296) };
}

/** Time at 1000 ms and chance that counts, unless other ones are given. */
export function byHand({ ms = 1000, bootMs = BOOT_MS, chance = counting() }: Partial<Hand> = {}): Hand {
  return { ms, bootMs, chance };
}

export interface HandOptions extends Partial<Omit<HostOptions, 'ports'>> {
  /** Default: its own. */
  readonly hand?: Hand | undefined;
  /** Default: that of its hand. */
  readonly chance?: Chance | undefined;
  /** Opened for it; whoever starts it again crashes the disk or closes the node first. Default: it keeps nothing. */
  readonly disk?: MemoryDisk | undefined;
  readonly seals?: Seals | undefined;
}

/** A node that is driven by hand. */
export interface HandNode extends HostedNode {
  readonly hand: Hand;
  /** At once it is so many ms later, for all that share its hand; then this node ticks. */
  pass(ms: number): void;
}

/**
 * Starts a node that knows all standard families. Called `cloud`, as by default, it is the root of its tree, on tier
 * `cloud`; under any other name it is a device below a root. Options say otherwise.
 */
export async function handNode(options: HandOptions = {}): Promise<HandNode> {
  const { hand = byHand(), chance = hand.chance, disk, seals, ...host } = options;
  const { name = 'cloud', root = name === 'cloud', tier = root ? 'cloud' : 'device' } = host;
  const clock = { monotonicMs: () => hand.ms, wallMs: () => hand.bootMs + hand.ms };
  const ports = { clock, chance, seals, storage: disk?.open() };
  const node = await createNode({ registry: standard, ...host, name, root, tier, ports });
  return Object.assign(node, {
    hand,
    pass(ms: number) {
      hand.ms += ms;
      node.tick();
    },
  });
}

/** What becomes of the messages of a link on their way; `undefined`: this one is lost. */
export interface Carried {
  up?(message: UpMessage): UpMessage | undefined;
  down?(message: DownMessage): DownMessage | undefined;
}

/** Links a child to a parent, until it is linked to another. Messages arrive at once, as they are sent. */
export function join(parent: HostedNode, child: HostedNode, carried: Carried = {}): void {
  const { up = (message) => message, down = (message) => message } = carried;
  const link = child.connectParent((sent) => {
    const arrived = up(sent);
    if (arrived === undefined) return;
    parent.receiveUp(arrived, (answer) => {
      const heard = down(answer);
      if (heard !== undefined) link.receive(heard);
    });
  });
}

/** Lets everything that is under way arrive: to and from disks, and what waits for it. No time passes. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 60; i++) await undefined;
}

/** So many ms pass for these nodes, in steps; with each step they tick, and what they have set going arrives. */
export async function settle(nodes: readonly HandNode[], forMs = 5000, stepMs = 50): Promise<void> {
  const hands = new Set(nodes.map(({ hand }) => hand));
  for (let left = forMs; left > 0; left -= stepMs) {
    for (const hand of hands) hand.ms += Math.min(stepMs, left);
    for (const node of nodes) node.tick();
    await turns();
  }
}
