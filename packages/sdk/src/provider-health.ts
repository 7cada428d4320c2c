import { type GanglionError, isGanglionError } from '@ganglion/core';
import { OpenFeatureEventEmitter, ProviderEvents, ProviderNotReadyError } from '@openfeature/server-sdk';
import { RemoteRefusal } from './refusal.ts';

/** Whether a daemon can evaluate, told as OpenFeature's events (specification §2.4 and §5.1): ready, or in error. */
export interface DaemonHealth {
  readonly events: OpenFeatureEventEmitter;
  /** Asks once. Rejects where the daemon does not answer, and goes on asking. */
  initialize(): Promise<void>;
  /** Passes a call's end on, and learns from it. */
  heard<T>(call: Promise<T>): Promise<T>;
  close(): void;
}

/**
 * @param ask - any call that tells whether the daemon answers this client
 * @param recheckMs - between two questions while it does not
 */
export function daemonHealth(ask: () => Promise<unknown>, recheckMs: number): DaemonHealth {
  const events = new OpenFeatureEventEmitter();
  let failing = false;
  let open = true;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const recheck = (): void => {
    clearTimeout(timer);
    if (!open || !failing) return;
    timer = setTimeout(() => void ask().then(well, recheck), recheckMs);
    // In Node, it keeps no process up that has nothing else to do.
    (timer as { unref?: () => void }).unref?.();
  };
  const fails = (): void => {
    failing = true;
    recheck();
  };
  const well = (): void => {
    if (!failing) return;
    failing = false;
    clearTimeout(timer);
    // A gap that evaluations have closed by themselves is told as well: somebody may wait for it.
    if (open) events.emit(ProviderEvents.Ready);
  };

  return {
    events,
    async initialize() {
      open = true;
      failing = false;
      try {
        await ask();
      } catch (cause) {
        // The event is the SDK's: it makes it of the rejection.
        fails();
        throw new ProviderNotReadyError(said(cause), { cause });
      }
    },
    async heard(call) {
      try {
        const answer = await call;
        well();
        return answer;
      } catch (error) {
        const down = saysDown(error);
        if (down === false) well();
        else if (down && !failing) {
          fails();
          events.emit(ProviderEvents.Error, { message: said(error) });
        }
        throw error;
      }
    },
    close() {
      open = false;
      clearTimeout(timer);
    },
  };
}

/** What would meet every flag alike. */
const DOWN: ReadonlySet<string> = new Set<GanglionError['code']>([
  'closed',
  'deadline_exceeded',
  'overloaded',
  'unauthorized',
]);

/** Whether a call failed for what is wrong with the way to the daemon; undefined: it was refused before it was sent. */
function saysDown(error: unknown): boolean | undefined {
  if (!isGanglionError(error)) return undefined;
  if (DOWN.has(error.code)) return true;
  // Without a document it is not the daemon's answer, but one of what stands before it or in its place.
  if (error instanceof RemoteRefusal) return error.problem.code === undefined;
  return error.code === 'unsupported' ? true : undefined;
}

const said = (error: unknown): string =>
  isGanglionError(error)
    ? [error.message, error.mend].filter((part) => part !== undefined).join('. ')
    : String(error);
