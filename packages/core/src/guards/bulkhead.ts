import { type Guard, type GuardInput, PASS, type QueueLimit, type Verdict } from '../guard.ts';
import { choice, given, number, refuse, rejectUnknown } from '../options.ts';
import type { Factory } from '../registry.ts';
import { listed } from './words.ts';

/** Verdicts given before, so that an arm that flickers about its limit costs no allocation. Derived: not kept. */
export interface BulkheadState {
  readonly mask: Uint8Array;
  readonly known: Verdict[];
}

/** How many verdicts are remembered. */
const KNOWN = 32;

/**
 * Bulkhead: a limit on decisions in flight (sent and neither settled nor released) on this node.
 *
 * - `perArm`: an arm with this many in flight is withheld.
 * - `total`: with this many in flight over all arms, the decision is blocked.
 * - `scope`: what `total` counts: `point` (default), or `domain`: all points of the domain on this node.
 * - `queue`: most callers of `decideAsync` that may wait for a place, in order, each until its deadline; default 0. Those
 *   beyond it are blocked at once, and so is every `decide`, which never waits. Counted as `total` is, by `scope`.
 *   (resilience4j's bulkhead waits at most maxWaitDuration without a bound on how many; Polly's and cockatiel's queue is
 *   bounded by number.)
 *
 * At least one of `perArm` and `total` is required. Where every allowed arm is at its limit, the decision is blocked.
 * The limits hold for each node by itself: they protect what this node calls, and need no word from others.
 */
export const bulkhead: Factory<Guard<BulkheadState>> = (options, { arms, path }) => {
  rejectUnknown(options, ['perArm', 'total', 'scope', 'queue'], path);
  if (!given(options, 'perArm') && !given(options, 'total'))
    refuse(path, 'perArm', undefined, 'or total is required', 'Say how many decisions may be in flight.');
  const rule = { min: 1, max: 1e9, integer: true, default: Number.POSITIVE_INFINITY };
  const perArm = number(options, 'perArm', rule, path);
  const total = number(options, 'total', rule, path);
  const scope = choice(options, 'scope', ['point', 'domain'], 'point', path);
  const queue = number(options, 'queue', { min: 0, max: 1e6, integer: true, default: 0 }, path);
  const byDomain = scope === 'domain';
  const limit = queue > 0 ? Object.freeze({ most: queue, of: scope }) : undefined;
  const full = block(`${total} in flight in this ${scope}`, limit);
  const noArm = block(`every allowed arm has ${perArm} in flight`, limit);

  return {
    name: 'bulkhead/1',
    phase: 'narrow',
    initial: (count) => ({ mask: new Uint8Array(count), known: [] }),
    check(state: BulkheadState, input: GuardInput): Verdict {
      if ((byDomain ? input.inflightDomain : input.inflightPoint) >= total) return full;
      // No arm can have more in flight than the whole point has.
      if (input.inflightPoint < perArm) return PASS;
      const { mask } = state;
      const { inflight, allowed } = input;
      let first = 0;
      while (first < mask.length && inflight[first] < perArm) first++;
      if (first === mask.length) return PASS;
      let left = 0;
      for (let arm = 0; arm < mask.length; arm++) {
        const over = inflight[arm] >= perArm ? 1 : 0;
        mask[arm] = over;
        left += allowed[arm] & (1 - over);
      }
      if (left === 0) return noArm;
      return recall(state) ?? remember(state, restrict(mask, perArm, input.armIds));
    },
    rearm: (_state, from) => ({ mask: new Uint8Array(from.length), known: [] }),
  };

  function restrict(mask: Uint8Array, limit: number, ids: readonly string[]): Verdict {
    const names = arms.map((arm, i) => ids[i] ?? arm.id).filter((_, i) => mask[i] === 1);
    const why = `full: ${listed(names)} (${limit} in flight)`;
    return Object.freeze({ kind: 'restrict', guard: 'bulkhead', why, exclude: mask.slice() });
  }
};

function block(why: string, queue: QueueLimit | undefined): Verdict {
  return Object.freeze({ kind: 'block', guard: 'bulkhead', why, ...(queue === undefined ? {} : { queue }) });
}

/** The verdict given before for this mask, most recent first. */
function recall({ known, mask }: BulkheadState): Verdict | undefined {
  for (let i = 0; i < known.length; i++) {
    const verdict = known[i];
    if (!same(verdict.exclude!, mask)) continue;
    // Swapped one step forward: what is asked for often is found soon.
    if (i > 0) {
      known[i] = known[i - 1];
      known[i - 1] = verdict;
    }
    return verdict;
  }
  return undefined;
}

function remember(state: BulkheadState, verdict: Verdict): Verdict {
  if (state.known.length >= KNOWN) state.known.pop();
  state.known.push(verdict);
  return verdict;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
