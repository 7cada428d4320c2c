import type { NodeStatus } from '../wire.ts';
import { type Api, ApiError } from './api.ts';

/** Streams beside the main one: browsers allow six connections to a host, and the calls need some of them. */
const MOST = 3;
/** A node that is not in the answering process is asked about again after this long. */
const REFUSED_MS = 60_000;

/** The decision streams of further nodes in the answering process. */
export interface Tributaries {
  /** Opens the streams of the busiest nodes below the one that answers. */
  follow(nodes: readonly NodeStatus[]): void;
}

/**
 * Decisions are streamed by the node that makes them, and often that is not the one that answers. Where several nodes
 * share the answering process, each has a stream of its own; nodes of other processes have none here.
 *
 * @param text - returns what reads the pieces of one stream.
 */
export function tributaries(
  api: Api,
  signal: AbortSignal,
  text: () => (piece: string) => void,
  nowMs: () => number,
): Tributaries {
  const open = new Set<string>();
  const refused = new Map<string, number>();

  const stream = async (node: string): Promise<void> => {
    open.add(node);
    try {
      await api.events({ signal, node, kinds: 'decision,outcome' }, () => {}, text());
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404) refused.set(node, nowMs());
    } finally {
      open.delete(node);
    }
  };

  return {
    follow: (nodes) => {
      const wanted = nodes
        .slice(1)
        .filter(({ node, decisionsPerSecond }) => decisionsPerSecond > 0 && !open.has(node))
        .filter(({ node }) => nowMs() - (refused.get(node) ?? Number.NEGATIVE_INFINITY) > REFUSED_MS)
        .sort((a, b) => b.decisionsPerSecond - a.decisionsPerSecond);
      for (const { node } of wanted.slice(0, Math.max(0, MOST - open.size))) void stream(node);
    },
  };
}
