import type { Decision, FeedbackItem, GanglionNode } from '@ganglion/core';
import type { BackendChoice, BackendChooser, BackendOutcome } from './balancer.ts';
import { type OutcomeQueue, outcomeQueue } from './outcome-queue.ts';

export interface PointChooserOptions {
  readonly node: GanglionNode;
  readonly point: string;
  /** Origin of each arm: `{ a: 'http://10.0.0.7:8080' }`. */
  readonly backends: Readonly<Record<string, string>>;
  /** Charged to a backend that fails, ms: a fast failure must not look fast. */
  readonly deadlineMs: number;
  /** Told when outcomes cannot be stored for now, and when some are lost. */
  readonly onError: (error: unknown) => void;
}

/** A chooser, and the outcomes that it still has to hand over. */
export interface PointChooser extends BackendChooser {
  /** What became of the outcomes so far. */
  readonly outcomes: Pick<OutcomeQueue, 'counts' | 'waiting'>;
  /** Hands over what waits, trying again for a bounded time; before the node is closed. */
  flush(): Promise<void>;
}

/**
 * A decision point as the chooser of a proxy: `choose` is `decide`, and how the attempt went is its outcome, with the
 * metrics `success` (1 or 0) and `latencyMs` (to the response head; the deadline for a failure). An attempt whose end
 * says nothing of the backend (the client went away) is released without an outcome.
 */
export function pointChooser(options: PointChooserOptions): PointChooser {
  const { node, point, backends, deadlineMs } = options;
  const queue = outcomeQueue({ node, onError: options.onError });
  return {
    outcomes: queue,
    flush: () => queue.flush(),
    choose(request) {
      const decision = node.decide(point, {
        unit: request.unit,
        ...(request.exclude.length === 0 ? {} : { exclude: request.exclude }),
      });
      if (decision.arm === null) return undefined;
      if (backends[decision.arm] === undefined) return void node.release(decision.id, true);
      return choiceOf(node, decision, backends[decision.arm], deadlineMs, queue.add);
    },
  };
}

function choiceOf(
  node: GanglionNode,
  decision: Decision,
  origin: string,
  deadlineMs: number,
  report: (item: FeedbackItem) => void,
): BackendChoice {
  let told = false;
  const tell = (success: boolean, latencyMs: number): void => {
    if (told) return;
    told = true;
    report({
      id: decision.id,
      metrics: {
        success: success ? 1 : 0,
        latencyMs: success ? Math.min(latencyMs, deadlineMs) : deadlineMs,
      },
    });
  };
  return {
    arm: decision.arm as string,
    origin,
    answered: ({ status, latencyMs }) => {
      if (status < 500) tell(true, latencyMs);
    },
    done(outcome: BackendOutcome) {
      if (outcome.fault === 'backend' || (outcome.fault === 'none' && (outcome.status ?? 500) >= 500))
        tell(false, outcome.latencyMs);
      else if (outcome.fault === 'none') tell(true, outcome.latencyMs);
      node.release(decision.id, !told);
    },
  };
}
