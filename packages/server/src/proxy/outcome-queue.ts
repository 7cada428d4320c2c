import { type FeedbackItem, type GanglionNode, isGanglionError } from '@ganglion/core';

/** What became of the outcomes of a proxy, counted since it was made. Every outcome ends in exactly one. */
export interface OutcomeCounts {
  /** Taken by the node, durably. */
  taken: number;
  /** Told twice. */
  duplicates: number;
  /** Refused by the node: its window had closed, or the decision was forgotten. */
  rejected: number;
  /** Never taken: too many waited for the disk, or it could not be written to before the end. */
  lost: number;
}

export interface OutcomeQueue {
  readonly counts: Readonly<OutcomeCounts>;
  /** Outcomes not yet durable. */
  waiting(): number;
  add(item: FeedbackItem): void;
  /** Hands over all that waits, trying again for at most `withinMs`; what is left then is lost, counted and told. */
  flush(withinMs?: number): Promise<void>;
}

export interface OutcomeQueueOptions {
  readonly node: Pick<GanglionNode, 'feedback'>;
  /** Told once for each series of failures, and of what is lost. */
  readonly onError: (error: unknown) => void;
  /** Most outcomes that wait; the oldest go first. Default 100,000. */
  readonly most?: number | undefined;
  /** Waits, ms; tests give their own. */
  readonly pause?: ((ms: number) => Promise<void>) | undefined;
}

/** Outcomes are handed over in batches this far apart, so that the disk syncs once for many, ms. */
const BATCH_MS = 20;
const BATCH_ITEMS = 10_000;
const MOST = 100_000;
/** Longest pause between two tries, ms. */
const LONGEST_PAUSE_MS = 2_000;
/** How long a last flush tries, ms. */
const FLUSH_MS = 5_000;

/** Failures that pass: sending the same again later is safe, for feedback is idempotent. */
const PASSING: readonly string[] = ['overloaded', 'storage_failed', 'storage_full'];

/** Outcomes on their way to the node, kept and tried again while it cannot take them. Bounded, and nothing goes uncounted. */
export function outcomeQueue(options: OutcomeQueueOptions): OutcomeQueue {
  const { node, onError, most = MOST, pause = sleep } = options;
  const counts: OutcomeCounts = { taken: 0, duplicates: 0, rejected: 0, lost: 0 };
  const queue: Queue = { node, onError, most, counts, items: [], failures: 0 };
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;

  const schedule = (ms: number): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void drain();
    }, ms);
    timer.unref();
  };
  const drain = (): Promise<void> => {
    underWay ??= handAll(queue).finally(() => {
      underWay = undefined;
      if (queue.items.length > 0) schedule(pauseMs(queue.failures));
    });
    return underWay;
  };

  return {
    counts,
    waiting: () => queue.items.length,
    add(item) {
      queue.items.push(item);
      // Looked at now and then: cutting a long list for every item would cost more than it saves.
      if (queue.items.length > most + BATCH_ITEMS) trim(queue, 'more outcomes wait than are kept');
      // While a batch is under way its end says when the next one goes.
      if (underWay === undefined) schedule(BATCH_MS);
    },
    async flush(withinMs = FLUSH_MS) {
      for (let waitedMs = 0; ; ) {
        await drain();
        if (queue.items.length === 0 || waitedMs >= withinMs) break;
        const ms = Math.max(1, Math.min(pauseMs(queue.failures), withinMs - waitedMs));
        waitedMs += ms;
        await pause(ms);
      }
      clearTimeout(timer);
      timer = undefined;
      lose(queue, queue.items.splice(0).length, 'the node took none of them to the end');
    },
  };
}

/** What waits, the oldest first, and how it has gone so far. */
interface Queue extends Pick<OutcomeQueueOptions, 'node' | 'onError'> {
  readonly most: number;
  readonly counts: OutcomeCounts;
  items: FeedbackItem[];
  /** In a row. */
  failures: number;
}

/** Hands over batch after batch, until nothing waits or the node cannot take one. */
async function handAll(queue: Queue): Promise<void> {
  while (queue.items.length > 0 && (await hand(queue)));
}

/** One batch. Whether there is more to do at once. */
async function hand(queue: Queue): Promise<boolean> {
  const { counts } = queue;
  const batch = queue.items.splice(0, BATCH_ITEMS);
  try {
    for (const { status } of await queue.node.feedback(batch)) {
      if (status === 'rejected') counts.rejected++;
      else if (status === 'duplicate') counts.duplicates++;
      else counts.taken++;
    }
    queue.failures = 0;
    return queue.items.length > 0;
  } catch (error) {
    if (!isGanglionError(error) || !PASSING.includes(error.code)) {
      lose(queue, batch.length, error);
      return queue.items.length > 0;
    }
    if (queue.failures++ === 0) queue.onError(error);
    queue.items = [...batch, ...queue.items];
    trim(queue, error);
    return false;
  }
}

/** The oldest go where more wait than may. */
function trim(queue: Queue, why: unknown): void {
  const beyond = queue.items.length - queue.most;
  if (beyond > 0) lose(queue, queue.items.splice(0, beyond).length, why);
}

function lose({ counts, onError }: Queue, count: number, why: unknown): void {
  if (count === 0) return;
  counts.lost += count;
  onError(new Error(`${count} outcomes are lost`, { cause: why }));
}

function pauseMs(failures: number): number {
  return failures === 0 ? BATCH_MS : Math.min(LONGEST_PAUSE_MS, BATCH_MS * 2 ** failures);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
