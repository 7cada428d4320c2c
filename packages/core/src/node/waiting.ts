import type { Answer } from '../decision/decide.ts';
import type { DomainLoad, PointState } from '../decision/point-state.ts';
import type { QueueLimit } from '../guard.ts';

export type Settled = Exclude<Answer, 'wait'>;

/**
 * Decides, waiting for a place where a bulkhead has none and its queue has room: in order of arrival within a point,
 * until `endMs`. `attempt(true)` may answer `wait`; `attempt(false)` must not.
 */
export async function withPlace(
  state: PointState,
  attempt: (mayWait: boolean) => Answer,
  leftMs: number,
  timeout: (ms: number) => Promise<void>,
): Promise<Settled> {
  const point = state.compiled.name;
  const load = state.domainLoad;
  // Who comes later does not overtake those who wait.
  const ahead = load.queue.find((each) => each.point === point);
  if (ahead === undefined) {
    const first = attempt(true);
    if (first !== 'wait') return first;
  }
  const limit = ahead?.limit ?? (state.scratch.queue as QueueLimit);
  const waiting =
    limit.of === 'domain' ? load.queue.length : load.queue.filter((each) => each.point === point).length;
  if (waiting >= limit.most || !(leftMs > 0)) return attempt(false) as Settled;
  load.wake = waker(load);
  return new Promise((resolve, reject) => {
    const settle = (decide: () => Answer): boolean => {
      try {
        const answer = decide();
        if (answer === 'wait') return false;
        resolve(answer);
      } catch (error) {
        reject(error);
      }
      return true;
    };
    const entry = { point, limit, attempt: () => settle(() => attempt(true)) };
    load.queue.push(entry);
    void timeout(leftMs).then(() => {
      const at = load.queue.indexOf(entry);
      if (at < 0) return;
      load.queue.splice(at, 1);
      settle(() => attempt(false));
    });
  });
}

/** Later, but at once: places become free in the midst of other work, which must not see decisions made in between. */
function waker(load: DomainLoad): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    void Promise.resolve().then(() => {
      due = false;
      const full = new Set<string>();
      for (const entry of [...load.queue]) {
        if (full.has(entry.point)) continue;
        if (entry.attempt()) load.queue.splice(load.queue.indexOf(entry), 1);
        else full.add(entry.point);
      }
    });
  };
}
