import {
  type Chance,
  type Clock,
  createNode,
  GanglionError,
  type HostedNode,
  type Kernels,
  type PointSpec,
  type Registry,
  type Seals,
  type Storage,
  type Tier,
} from '@ganglion/core';
import { checkEmbedOptions } from './embed-options.ts';
import { keepLink, type Link, type LinkOptions } from './link.ts';

export interface EmbedOptions {
  /** Unique in the tree; in a page, of each tab: random, and kept in `sessionStorage`. */
  readonly name: string;
  /** Default `device`. */
  readonly tier?: Tier | undefined;
  /** The families it knows: `standard` of `@ganglion/core/presets`, or for a smaller bundle a few of `@ganglion/core/kinds`. */
  readonly registry: Registry;
  /**
   * A daemon this node hangs below; without one it is a root of its own. In a page of another origin than the daemon's, the
   * daemon must allow that origin (`--allow-origin`); and a token is in the hands of everybody who opens the page: he reads
   * what goes down the link and teaches as the page does. Use one of `node:PREFIX*`, never an app's or an operator's.
   */
  readonly parent?: LinkOptions | undefined;
  /** Declared at the start; only a root may, the others get theirs from above. */
  readonly points?: readonly PointSpec[] | undefined;
  /** Without it nothing is kept over a restart. In Node: `sqliteStorage` of `@ganglion/adapters/sqlite`. */
  readonly storage?: Storage | undefined;
  /** Default: the platform's `performance` and `Date`; in Node, `systemClock` of `@ganglion/adapters/system` counts sleep as well. */
  readonly clock?: Clock | undefined;
  /** Default: the platform's cryptographic source. */
  readonly chance?: Chance | undefined;
  /** For a node with children and a disk that may be restored from a backup: in Node, `systemSeals` of `@ganglion/adapters/system`. */
  readonly seals?: Seals | undefined;
  /** For contextual points: `wasmKernels()` of `@ganglion/adapters/kernels` gives the same results in half the time. */
  readonly kernels?: Kernels | undefined;
  /** How often the node looks for what is due, ms; default 10. */
  readonly tickMs?: number | undefined;
  /**
   * How long `close()` may wait for the parent to acknowledge what was accepted here, ms; default 2000, 0: not at all. It
   * is heard with the next message up, within a second. What then has not been told is lost without storage, and told
   * after the next start with it.
   */
  readonly closeWithinMs?: number | undefined;
}

const CLOSE_WITHIN_MS = 2000;
/** Between two looks at whether the parent has heard it all. */
const LOOK_MS = 5;

/**
 * A node inside this application: decisions in about a microsecond, without a daemon. Works in Node, Deno, browsers and
 * workers. `close()` lets the parent have what it has not got, and stops the node's timer and link as well.
 * @throws GanglionError `invalid_spec`, `invalid_input`, `forbidden` (points below a parent), `storage_corrupt`, `storage_failed`
 */
export async function embedNode(options: EmbedOptions): Promise<HostedNode> {
  checkEmbedOptions(options);
  const node = await createNode({
    name: options.name,
    tier: options.tier ?? 'device',
    root: options.parent === undefined,
    registry: options.registry,
    ports: {
      clock: options.clock ?? platformClock(),
      chance: options.chance ?? platformChance(),
      seals: options.seals,
      storage: options.storage,
      kernels: options.kernels,
    },
    timeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const timer: unknown = setInterval(() => node.tick(), options.tickMs ?? 10);
  // In Node a node must not keep a process alive that has nothing else to do.
  (timer as { unref?: () => void }).unref?.();
  const closeNode = node.close.bind(node);
  let link: Link | undefined;
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    if (link !== undefined) await told(node, link, options.closeWithinMs ?? CLOSE_WITHIN_MS);
    link?.stop();
    clearInterval(timer as number);
    await closeNode();
  };
  const close = (): Promise<void> => (closing ??= end());
  try {
    if (options.parent !== undefined) link = keepLink(node, options.parent);
    for (const spec of options.points ?? [])
      await node.apply(spec, { name: options.name, authority: node.name });
  } catch (error) {
    await close();
    throw error;
  }
  const { feedback } = node;
  return Object.assign(node, {
    close,
    // What came while the parent hears the last of it would be acknowledged here, and could be lost.
    feedback: (items: Parameters<typeof feedback>[0]) =>
      closing === undefined ? feedback(items) : Promise.reject(ending()),
  });
}

const ending = (): GanglionError =>
  new GanglionError('closed', 'this node is being closed', {
    mend: 'Close it when nobody gives it feedback any more.',
  });

/** Resolves when the parent has acknowledged all there is, or cannot be told, or the time is over. The node ticks on. */
async function told(node: HostedNode, link: Link, withinMs: number): Promise<void> {
  const startMs = performance.now();
  while (link.isOpen() && node.owesParent() && performance.now() - startMs < withinMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

function platformClock(): Clock {
  return { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
}

const WORDS = 1024;

/** Fetched 4 KiB at a time: asking for each number alone would cost more than a decision. */
function platformChance(): Chance {
  const words = new Uint32Array(WORDS);
  let next = WORDS;
  return {
    uint32() {
      if (next === WORDS) {
        crypto.getRandomValues(words);
        next = 0;
      }
      return words[next++];
    },
  };
}
