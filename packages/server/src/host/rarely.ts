/** Peers that are told apart; all further ones share a place, so that nobody fills the memory or the log by changing his address. */
const MOST_PEERS = 1_000;
const OTHERS = '';

/**
 * For lines that a peer can cause as often as it likes: of each peer the first at once, then at most one in `everyMs`.
 *
 * @param everyMs - between two lines of one peer, ms
 * @param nowMs - a clock that never goes back, ms
 * @returns asked whenever there would be a line: how often it would have been said since the last one, this time
 *   included; undefined: say nothing
 */
export function rarely(
  everyMs: number,
  nowMs: () => number = () => performance.now(),
): (peer: string) => number | undefined {
  const peers = new Map<string, { saidMs: number; kept: number }>();
  return (peer) => {
    const now = nowMs();
    const place = placeOf(peers, peer, now - everyMs);
    const known = peers.get(place);
    if (known !== undefined && now - known.saidMs < everyMs) {
      known.kept++;
      return undefined;
    }
    peers.set(place, { saidMs: now, kept: 0 });
    return 1 + (known?.kept ?? 0);
  };
}

function placeOf(peers: Map<string, { readonly saidMs: number }>, peer: string, beforeMs: number): string {
  if (peers.has(peer) || peers.size < MOST_PEERS) return peer;
  for (const [each, { saidMs }] of peers) if (saidMs <= beforeMs) peers.delete(each);
  return peers.size < MOST_PEERS ? peer : OTHERS;
}
