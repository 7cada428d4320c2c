import type { Message } from '../state/model.ts';
import type { NodeEvent } from '../wire.ts';
import { type Api, ApiError } from './api.ts';
import { sseReader } from './sse.ts';

/** The node says something about each second; silence for this long is a lost connection. */
const SILENCE_MS = 5_000;
/** Points, nodes and the merged reports are asked for again this often, should an event have been missed. */
const RESYNC_MS = 10_000;
/** Reports asked for at once; those of further points come with the stream. */
const REPORTS_AT_ONCE = 40;
const BACKOFF_MS = [300, 700, 1_500, 3_000, 5_000];

/** A running connection. */
export interface Feed {
  stop(): void;
  /** Try now: a token was given, or the browser came back online. */
  retry(): void;
  /** The browser says that it is offline: no need to wait for silence. */
  offline(): void;
}

/** Connects, reads, and connects again until stopped. Everything it learns goes to `deliver`. */
export function startFeed(api: Api, deliver: (messages: readonly Message[], urgent?: boolean) => void): Feed {
  let stopped = false;
  let failures = 0;
  let abort = new AbortController();
  let wake: () => void = () => {};

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const session = async (): Promise<void> => {
    abort = new AbortController();
    const { signal } = abort;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(new Error('silent')), SILENCE_MS);
    };
    const refresh = () => void load(api).then(deliver, () => {});
    const resync = setInterval(refresh, RESYNC_MS);
    const read = sseReader((event) => {
      const message = parse(event.name, event.data);
      // Controls are what a person is waiting for: they are shown without delay.
      if (message === undefined) return;
      deliver([message], message.kind === 'controls');
      if (message.kind === 'audit' && message.entry.action.startsWith('point.')) refresh();
    });
    const opened = () => {
      heard();
      load(api).then(
        (messages) => {
          failures = 0;
          if (!signal.aborted) deliver([...messages, { kind: 'ready' }], true);
        },
        (error) => abort.abort(error),
      );
    };
    try {
      await api.events(signal, opened, (piece) => {
        heard();
        deliver([{ kind: 'heard' }]);
        read(piece);
      });
    } finally {
      clearTimeout(silence);
      clearInterval(resync);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      deliver([{ kind: 'connecting' }], true);
      let error: unknown;
      try {
        await session();
      } catch (caught) {
        error = abort.signal.aborted ? abort.signal.reason : caught;
      }
      if (stopped) return;
      if (error instanceof ApiError && (error.problem.status === 401 || error.problem.status === 403)) {
        deliver([{ kind: 'unauthorized', why: error.problem.detail }], true);
        await pause(2 ** 30);
      } else {
        deliver([{ kind: 'lost', why: reasonOf(error) }], true);
        await pause(BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]);
      }
    }
  };

  void run();
  return {
    stop: () => {
      stopped = true;
      abort.abort();
      wake();
    },
    retry: () => wake(),
    offline: () => abort.abort(new Error('offline')),
  };
}

/** Everything the page needs before the stream makes sense. */
async function load(api: Api): Promise<Message[]> {
  const [nodes, points, controls, entries] = await Promise.all([
    api.nodes(),
    api.points(),
    api.controls(),
    api.audit(),
  ]);
  const asked = points.slice(0, REPORTS_AT_ONCE).map((entry) => api.report(entry.spec.point));
  // A point may be deleted between the two calls: its report is then simply not there.
  const answers = await Promise.allSettled(asked);
  return [
    { kind: 'nodes', nodes },
    { kind: 'points', points },
    { kind: 'controls-answer', controls },
    { kind: 'audit-answer', entries },
    ...answers.flatMap((one): Message[] =>
      one.status === 'fulfilled' ? [{ kind: 'answer', answer: one.value }] : [],
    ),
  ];
}

const KINDS: readonly string[] = [
  'decision',
  'outcome',
  'status',
  'report',
  'controls',
  'audit',
] satisfies NodeEvent['kind'][];

/** Events of kinds that this page does not know are skipped: a newer node may send more. */
function parse(name: string, data: string): NodeEvent | undefined {
  if (!KINDS.includes(name)) return undefined;
  try {
    return { ...(JSON.parse(data) as object), kind: name } as NodeEvent;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.problem.detail;
  if (error instanceof Error && error.message === 'silent') return 'The node has gone silent.';
  if (error instanceof Error && error.message === 'offline') return 'This browser is offline.';
  return 'The node closed the connection.';
}
