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
 * metrics `success` (1 or 0) and `latencyMs` (to the response head; the deadline for a failure). It is told when the
 * response has ended, for a backend that breaks its responses off has failed however fast their heads came. A response
 * still open a deadline after its head (an event stream, say) is told then, a tunnel when it opens; if the backend cuts
 * it after that, revision 1 corrects what was learned and logged; breakers and counters heard the first word only. An attempt whose end says nothing of the backend (the client went away before the
 * head) is released without an outcome.
 */
export function pointChooser(options: PointChooserOptions): PointChooser {
  const { node, point, backends, deadlineMs } = options;
  const queue = outcomeQueue({ node, onError: options.onError });
  const open = openResponses(deadlineMs);
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
      return choiceOf(node, decision, backends[decision.arm], deadlineMs, queue.add, open);
    },
  };
}

function choiceOf(
  node: GanglionNode,
  decision: Decision,
  origin: string,
  deadlineMs: number,
  report: (item: FeedbackItem) => void,
  open: OpenResponses,
): BackendChoice {
  let told: boolean | undefined;
  let released = false;
  let head: OpenResponse | undefined;
  const tell = (success: boolean, latencyMs: number): void => {
    const metrics = {
      success: success ? 1 : 0,
      latencyMs: success ? Math.min(latencyMs, deadlineMs) : deadlineMs,
    };
    report({ id: decision.id, metrics, ...(told === undefined ? {} : { revision: 1 }) });
    told = success;
  };
  return {
    arm: decision.arm as string,
    origin,
    answered({ status, latencyMs }) {
      // The clock of an arm stops at the head: how long a body takes depends on its size and on the client.
      node.release(decision.id);
      released = true;
      if (status === 101) tell(true, latencyMs);
      else {
        head = { sinceMs: performance.now(), tell: () => tell(status < 500, latencyMs) };
        open.add(head);
      }
    },
    done({ fault, status, latencyMs }: BackendOutcome) {
      if (head !== undefined) open.delete(head);
      if (fault === 'backend') {
        if (told !== false) tell(false, latencyMs);
      } else if (told === undefined && (fault === 'none' || status !== undefined))
        tell((status ?? 500) < 500, latencyMs);
      if (!released || told === undefined) node.release(decision.id, told === undefined);
    },
  };
}

/** A response whose head has arrived. */
interface OpenResponse {
  /** When its head arrived, monotonic ms. */
  readonly sinceMs: number;
  tell(): void;
}

interface OpenResponses {
  add(response: OpenResponse): void;
  delete(response: OpenResponse): void;
}

/** Responses whose end has not come. What stays for `forMs` is told once and forgotten; one timer serves them all. */
function openResponses(forMs: number): OpenResponses {
  // In the order of their heads, so the oldest is always the first.
  const open = new Set<OpenResponse>();
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    const nowMs = performance.now();
    for (const response of open) {
      const leftMs = response.sinceMs + forMs - nowMs;
      if (leftMs > 0) {
        schedule(leftMs);
        return;
      }
      open.delete(response);
      response.tell();
    }
  };
  const schedule = (ms: number): void => {
    timer = setTimeout(look, Math.ceil(ms));
    timer.unref();
  };
  return {
    add(response) {
      open.add(response);
      if (timer === undefined) schedule(forMs);
    },
    delete(response) {
      open.delete(response);
    },
  };
}
