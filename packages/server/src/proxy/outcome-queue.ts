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
  let items: FeedbackItem[] = [];
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  let failures = 0;

  const lose = (count: number, why: unknown): void => {
    if (count === 0) return;
    counts.lost += count;
    onError(new Error(`${count} outcomes are lost`, { cause: why }));
  };
  const trim = (why: unknown): void => {
    if (items.length > most) lose(items.splice(0, items.length - most).length, why);
  };
  /** One batch. Whether there is more to do at once. */
  const hand = async (): Promise<boolean> => {
    const batch = items.splice(0, BATCH_ITEMS);
    try {
      for (const { status } of await node.feedback(batch)) {
        if (status === 'rejected') counts.rejected++;
        else if (status === 'duplicate') counts.duplicates++;
        else counts.taken++;
      }
      failures = 0;
      return items.length > 0;
    } catch (error) {
      if (!isGanglionError(error) || !PASSING.includes(error.code)) {
        lose(batch.length, error);
        return items.length > 0;
      }
      if (failures++ === 0) onError(error);
      items = [...batch, ...items];
      trim(error);
      return false;
    }
  };
  const schedule = (ms: number): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void drain();
    }, ms);
    timer.unref();
  };
  const drain = (): Promise<void> => {
    underWay ??= handAll().finally(() => {
      underWay = undefined;
      if (items.length > 0) schedule(pauseMs(failures));
    });
    return underWay;
  };
  const handAll = async (): Promise<void> => {
    while (items.length > 0 && (await hand()));
  };

  return {
    counts,
    waiting: () => items.length,
    add(item) {
      items.push(item);
      // Looked at now and then: cutting a long list for every item would cost more than it saves.
      if (items.length > most + BATCH_ITEMS) trim('more outcomes wait than are kept');
      // While a batch is under way its end says when the next one goes.
      if (underWay === undefined) schedule(BATCH_MS);
    },
    async flush(withinMs = FLUSH_MS) {
      for (let waitedMs = 0; ; ) {
        await drain();
        if (items.length === 0 || waitedMs >= withinMs) break;
        const ms = Math.max(1, Math.min(pauseMs(failures), withinMs - waitedMs));
        waitedMs += ms;
        await pause(ms);
      }
      clearTimeout(timer);
      timer = undefined;
      lose(items.splice(0).length, 'the node took none of them to the end');
    },
  };
}

function pauseMs(failures: number): number {
  return failures === 0 ? BATCH_MS : Math.min(LONGEST_PAUSE_MS, BATCH_MS * 2 ** failures);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
