import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { wasmKernels } from '@ganglion/adapters/kernels';
import { sqliteStorage } from '@ganglion/adapters/sqlite';
import { systemChance, systemClock, systemSeals } from '@ganglion/adapters/system';
import {
  createNode,
  GanglionError,
  type HostedNode,
  isGanglionError,
  type NodeTuning,
  type Registry,
  type Storage,
  type Tier,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import type { Logger } from '../log.ts';
import { withStorageNews } from './storage-news.ts';

export interface HostNodeOptions {
  readonly name: string;
  readonly tier: Tier;
  readonly root: boolean;
  /** Where its state lives: `DIR/NAME.db`. Undefined: in memory only, and its status says so. */
  readonly dataDir?: string | undefined;
  readonly registry?: Registry | undefined;
  readonly tuning?: Partial<NodeTuning> | undefined;
  /** Hears when storage begins to fail, and when it takes writes again. */
  readonly logger?: Logger | undefined;
}

/** How often a node looks for what is due, ms: expiries, views, messages, batches for the disk. */
const TICK_MS = 10;

/** A node on this machine's clock, chance and disk, driven by a timer until it is closed. */
export async function hostNode(options: HostNodeOptions): Promise<HostedNode> {
  if (options.dataDir !== undefined) await makeFolder(options.dataDir);
  const storage =
    options.dataDir === undefined
      ? undefined
      : await openStore(options.dataDir, options.name, options.logger);
  const node = await createNode({
    name: options.name,
    tier: options.tier,
    root: options.root,
    registry: options.registry ?? standard,
    ports: {
      clock: systemClock(),
      chance: systemChance(),
      seals: systemSeals(),
      storage,
      kernels: wasmKernels(),
    },
    ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
    timeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
  });
  const timer = setInterval(() => node.tick(), TICK_MS);
  timer.unref();
  const close = node.close.bind(node);
  return Object.assign(node, {
    close: async () => {
      clearInterval(timer);
      await close();
    },
  });
}

/** Its faults name what the person who started it gave: the folder. */
async function openStore(dir: string, name: string, logger: Logger | undefined): Promise<Storage> {
  const file = join(dir, `${name}.db`);
  try {
    const storage = await sqliteStorage({ file });
    return logger === undefined ? storage : withStorageNews(storage, { node: name, file }, logger);
  } catch (error) {
    if (!isGanglionError(error)) throw error;
    throw new GanglionError(error.code, error.message, {
      field: '--data',
      value: dir,
      mend: error.mend,
      cause: error,
    });
  }
}

/**
 * The folder with all above it. Level by level, because Node's recursive mkdir never returns where a parent is there
 * and answers ENOENT for what shall be made in it, as /proc does.
 */
async function makeFolder(dir: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(dir); !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  try {
    for (const each of missing)
      await mkdir(each).catch((error: NodeJS.ErrnoException) => {
        // Another process may have been quicker.
        if (error.code !== 'EEXIST') throw error;
      });
    if (!(await stat(dir)).isDirectory()) throw new Error(`${dir} is a file`);
  } catch (cause) {
    throw new GanglionError('storage_failed', `no folder for state can be made at ${dir}`, {
      field: '--data',
      value: dir,
      mend: 'Give --data a folder that this user may write to, or use --memory.',
      cause,
    });
  }
}

/** Joins two nodes of one process. Messages are handed over in a later turn, as over a network: nobody is re-entered. */
export function linkInProcess(child: HostedNode, parent: HostedNode): void {
  const { receive } = child.connectParent((up) =>
    setImmediate(() => parent.receiveUp(up, (down) => setImmediate(() => receive(down)))),
  );
}
