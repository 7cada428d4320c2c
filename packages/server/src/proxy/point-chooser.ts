import { type Decision, type FeedbackItem, GanglionError, type GanglionNode } from '@ganglion/core';
import type { BackendChoice, BackendChooser, BackendOutcome } from './balancer.ts';
import { type OutcomeQueue, outcomeQueue } from './outcome-queue.ts';
import { type Patience, patience } from './patience.ts';

export interface PointChooserOptions {
  readonly node: GanglionNode;
  readonly point: string;
  /** Origin of each arm: `{ a: 'http://10.0.0.7:8080' }`. */
  readonly backends: Readonly<Record<string, string>>;
  /** Charged to a backend that fails, ms: a fast failure must not look fast. */
  readonly deadlineMs: number;
  /**
   * A client that goes away before its response head has been failed by the backend if it had waited for it at least so
   * long, ms, and at least three times what the best arm usually takes. The deadline or more: such a client is never
   * counted as a failure. Default 500.
   */
  readonly patienceMs?: number | undefined;
  /** Told when outcomes cannot be stored for now, and when some are lost. */
  readonly onError: (error: unknown) => void;
}

/** Choices that no outcome tells of, counted since the chooser was made. */
export interface ChoiceCounts {
  /** Decisions for an arm that has no backend here; another arm was then chosen, where there was one. */
  noBackend: number;
  /** Clients that went away before the response head, by arm. */
  readonly abandoned: ReadonlyMap<string, Abandoned>;
}

/** Of one arm. */
export interface Abandoned {
  /** After a wait in vain: a failure of the backend. */
  charged: number;
  /** Before that: it says nothing of the backend, and there is no outcome. */
  uncharged: number;
}

/** A chooser, and the outcomes that it still has to hand over. */
export interface PointChooser extends BackendChooser {
  /** What became of the outcomes so far. */
  readonly outcomes: Pick<OutcomeQueue, 'counts' | 'waiting'>;
  /** What became of its choices beside the outcomes. */
  readonly choices: Readonly<ChoiceCounts>;
  /** Hands over what waits, trying again for a bounded time; before the node is closed. */
  flush(): Promise<void>;
}

/**
 * A decision point as the chooser of a proxy: `choose` is `decide`, and how the attempt went is its outcome, with the
 * metrics `success` (1 or 0) and `latencyMs` (the time that the backend took to its response head, `waitMs` of the outcome;
 * the deadline for a failure). It is told when the
 * response has ended, for a backend that breaks its responses off has failed however fast their heads came. A response
 * still open a deadline after its head (an event stream, say) is told then, a tunnel when it opens; if the backend cuts
 * it after that, revision 1 corrects what was learned and logged; breakers and counters heard the first word only. A client
 * that went away before the head after it had waited in vain is a failure. An attempt whose end says nothing of the
 * backend (the client went away at once) is released without an outcome.
 */
export function pointChooser(options: PointChooserOptions): PointChooser {
  const { node, point, backends, deadlineMs } = options;
  const queue = outcomeQueue({ node, onError: options.onError });
  const open = openResponses(deadlineMs);
  const abandoned = new Map<string, Abandoned>();
  for (const arm of Object.keys(backends)) abandoned.set(arm, { charged: 0, uncharged: 0 });
  const counts: ChoiceCounts = { noBackend: 0, abandoned };
  const waits = patience(options.patienceMs ?? PATIENCE_MS);
  const shared: Shared = { node, deadlineMs, counts, open, waits, report: queue.add };
  const tellOfMissing = seldom((arm: string) => options.onError(noBackendFor(point, arm)));
  return {
    outcomes: queue,
    choices: counts,
    flush: () => queue.flush(),
    choose(request) {
      for (let exclude = request.exclude; ; ) {
        const decision = node.decide(point, {
          unit: request.unit,
          ...(exclude.length === 0 ? {} : { exclude }),
        });
        const { arm } = decision;
        if (arm === null) return undefined;
        // By its own names only: an arm may be called `constructor`.
        if (Object.hasOwn(backends, arm)) return choiceOf(decision, backends[arm], shared);
        node.release(decision.id, true);
        counts.noBackend += 1;
        tellOfMissing(arm);
        // The fallback of a killed point comes whatever is excluded.
        if (exclude.includes(arm)) return undefined;
        exclude = [...exclude, arm];
      }
    },
  };
}

function noBackendFor(point: string, arm: string): GanglionError {
  return new GanglionError('unknown_arm', `point ${point} has an arm that no backend is given for: ${arm}`, {
    field: 'backends',
    value: arm,
    mend: `Give its backend (--backend ${arm}=URL), or take the arm out of the point; until then its requests go to the others, and teach nothing.`,
  });
}

/** An arm that is missing is missing from every request, and a log must not fill with it, ms. */
const MISSING_EVERY_MS = 60_000;

/** Tells at once, and then at most once in `MISSING_EVERY_MS`. */
function seldom<T>(tell: (what: T) => void): (what: T) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (what) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < MISSING_EVERY_MS) return;
    toldMs = nowMs;
    tell(what);
  };
}

/** Less than most clients' own time-outs (1 s and more), more than a pause of a healthy service. */
const PATIENCE_MS = 500;

/** What the choices of one chooser share. */
interface Shared {
  readonly node: GanglionNode;
  readonly deadlineMs: number;
  readonly counts: ChoiceCounts;
  readonly open: OpenResponses;
  readonly waits: Patience;
  report(item: FeedbackItem): void;
}

function choiceOf(decision: Decision, origin: string, shared: Shared): BackendChoice {
  const { node, deadlineMs, counts, open, waits, report } = shared;
  const arm = decision.arm as string;
  let told: boolean | undefined;
  let released = false;
  let head: OpenResponse | undefined;
  const tell = (success: boolean, waitMs: number): void => {
    const metrics = {
      success: success ? 1 : 0,
      latencyMs: success ? Math.min(waitMs, deadlineMs) : deadlineMs,
    };
    report({ id: decision.id, metrics, ...(told === undefined ? {} : { revision: 1 }) });
    told = success;
  };
  return {
    arm,
    origin,
    answered({ status, latencyMs, waitMs = latencyMs }) {
      // The clock of an arm stops at the head: how long a body takes depends on its size and on the client.
      node.release(decision.id);
      released = true;
      if (status < 500) waits.heard(arm, waitMs);
      if (status === 101) tell(true, waitMs);
      else {
        head = { sinceMs: performance.now(), tell: () => tell(status < 500, waitMs) };
        open.add(head);
      }
    },
    done({ fault, error, status, latencyMs, waitMs }: BackendOutcome) {
      if (head !== undefined) open.delete(head);
      if (fault === 'backend') {
        if (told !== false) tell(false, deadlineMs);
      } else if (told === undefined && (fault === 'none' || status !== undefined))
        tell((status ?? 500) < 500, waitMs ?? latencyMs);
      else if (error === 'client_gone' && status === undefined) {
        const inVain = waitMs !== undefined && waitMs >= waits.boundMs();
        const counted = counts.abandoned.get(arm);
        if (counted !== undefined) counted[inVain ? 'charged' : 'uncharged'] += 1;
        // What was not measured to its end took longer still, and gave the client nothing: as any failure.
        if (inVain) tell(false, deadlineMs);
      }
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
