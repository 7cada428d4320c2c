import { type FeedbackItem, type FeedbackResult, GanglionError } from '@ganglion/core';
import { describe, expect, it } from 'vitest';
import { type OutcomeQueueOptions, outcomeQueue } from './outcome-queue.ts';

/** A node whose answers are scripted: an error code, or the status of every item. */
function queueOf(script: readonly (string | Error)[], options: Partial<OutcomeQueueOptions> = {}) {
  const sent: string[][] = [];
  const errors: unknown[] = [];
  let call = 0;
  const feedback = async (items: readonly FeedbackItem[]): Promise<readonly FeedbackResult[]> => {
    const step = script[Math.min(call++, script.length - 1)];
    if (step instanceof Error) throw step;
    sent.push(items.map(({ id }) => id));
    return items.map(({ id }) => ({ id, status: step }) as FeedbackResult);
  };
  const queue = outcomeQueue({
    node: { feedback },
    onError: (error) => errors.push(error),
    pause: async () => {},
    ...options,
  });
  const add = (...ids: string[]): void => {
    for (const id of ids) queue.add({ id, reward: 1 });
  };
  return { queue, add, sent, errors, calls: () => call };
}
const overloaded = new GanglionError('overloaded', 'too much waits');
const full = new GanglionError('storage_full', 'no room');

describe('outcomes of a proxy', () => {
  it('are kept while the node is overloaded or its disk full, and handed over in order after it', async () => {
    const { queue, add, sent, errors } = queueOf([overloaded, full, overloaded, 'joined']);
    add('a', 'b');
    await queue.flush();
    expect(sent).toEqual([['a', 'b']]);
    expect(queue.counts).toEqual({ taken: 2, duplicates: 0, rejected: 0, lost: 0 });
    expect(errors).toEqual([overloaded]);
  });

  it('come again after nothing waited', async () => {
    const { queue, add } = queueOf(['joined']);
    await queue.flush();
    add('a');
    await queue.flush();
    expect(queue.counts.taken).toBe(1);
  });

  it('that the node refuses are counted, not tried again', async () => {
    const { queue, add, calls } = queueOf(['rejected']);
    add('a', 'b');
    await queue.flush();
    expect(queue.counts).toEqual({ taken: 0, duplicates: 0, rejected: 2, lost: 0 });
    expect(calls()).toBe(1);
  });

  it('are given up within a bound, counted and told', async () => {
    let waited = 0;
    const { queue, add, errors } = queueOf([overloaded], {
      pause: async (ms) => {
        waited += ms;
      },
    });
    add('a', 'b', 'c');
    await queue.flush(1_000);
    expect(waited).toBe(1_000);
    expect(queue.counts.lost).toBe(3);
    expect(queue.waiting()).toBe(0);
    expect(String(errors.at(-1))).toContain('3 outcomes are lost');
  });

  it('of a node that was closed are lost at once', async () => {
    const { queue, add, calls } = queueOf([new GanglionError('closed', 'stopped')]);
    add('a');
    await queue.flush();
    expect(queue.counts.lost).toBe(1);
    expect(calls()).toBe(1);
  });

  it('that wait are bounded: the oldest go, and each one ends in exactly one count', async () => {
    const { queue, add, sent } = queueOf([overloaded, 'joined'], { most: 3 });
    add('a', 'b', 'c', 'd', 'e');
    await queue.flush();
    expect(sent).toEqual([['c', 'd', 'e']]);
    const { taken, duplicates, rejected, lost } = queue.counts;
    expect({ taken, lost, all: taken + duplicates + rejected + lost }).toEqual({ taken: 3, lost: 2, all: 5 });
  });
});
