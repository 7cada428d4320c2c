import type { BackendChooser, BackendOutcome } from './balancer.ts';

/** A backend has begun to fail, or answers again. */
export interface BackendNews {
  readonly backend: string;
  readonly origin: string;
  readonly failing: boolean;
  /** The last failure: an `AttemptError`, or `status 503`. Absent where it answers again. */
  readonly why?: string;
}

/** So many attempts alike, one after the other, are news: one that fails now and then is not. */
const ALIKE = 3;
/** Of one backend there is news at most this often, ms: one that flaps must not fill a log. */
const PAUSE_MS = 10_000;

interface Standing {
  failing: boolean;
  /** Attempts in a row that say the opposite of `failing`. */
  opposed: number;
  toldMs: number;
}

/** The same chooser, which says when a backend begins to fail and when it answers again. */
export function withNews(
  chooser: BackendChooser,
  tell: (news: BackendNews) => void,
  nowMs: () => number = () => performance.now(),
): BackendChooser {
  const standings = new Map<string, Standing>();
  const hear = (backend: string, origin: string, outcome: BackendOutcome): void => {
    // What the client or the proxy itself did says nothing of the backend.
    if (outcome.fault === 'client' || outcome.fault === 'proxy') return;
    let standing = standings.get(backend);
    if (standing === undefined)
      standings.set(backend, (standing = { failing: false, opposed: 0, toldMs: -Infinity }));
    const why = failureIn(outcome);
    if ((why !== undefined) === standing.failing) {
      standing.opposed = 0;
      return;
    }
    standing.opposed += 1;
    if (standing.opposed < ALIKE || nowMs() - standing.toldMs < PAUSE_MS) return;
    standing.failing = !standing.failing;
    standing.opposed = 0;
    standing.toldMs = nowMs();
    tell({ backend, origin, failing: standing.failing, ...(why === undefined ? {} : { why }) });
  };
  return {
    choose(request) {
      const choice = chooser.choose(request);
      if (choice === undefined) return undefined;
      return {
        ...choice,
        done(outcome) {
          hear(choice.arm, choice.origin, outcome);
          choice.done(outcome);
        },
      };
    },
  };
}

function failureIn({ fault, error, status }: BackendOutcome): string | undefined {
  if (fault === 'backend') return error ?? 'failed';
  return status !== undefined && status >= 500 ? `status ${status}` : undefined;
}
