import type { Message } from '../state/model.ts';
import type { ControlsStatus, NodeEvent } from '../wire.ts';
import { type Api, ApiError } from './api.ts';
import { sseReader } from './sse.ts';
import { type Tributaries, tributaries } from './tributaries.ts';

/** The node sends something at least every two seconds; silence for this long is a lost connection. */
const SILENCE_MS = 5_000;
/** Everything is asked for this often: the stream carries what changes below, not the answering node itself. */
const REFRESH_MS = 2_000;
/** And this often where the tree is large, for the answers are too. */
const REFRESH_LARGE_MS = 10_000;
const LARGE_NODES = 50;
/** While a kill waits for acknowledgements, the controls are asked for this often. */
const WAITING_MS = 300;
/** Reports asked for at once; those of further points come with the stream. */
const REPORTS_AT_ONCE = 40;
/** And of a large tree, where they come without each node's own: that is asked of the point that is looked at. */
const REPORTS_OF_LARGE = 200;
const BACKOFF_MS = [300, 700, 1_500, 3_000, 5_000];

/** A running connection. */
export interface Feed {
  stop(): void;
  /** Try now: a token was given, or the browser came back online. */
  retry(): void;
  /** The browser says that it is offline: no need to wait for silence. */
  offline(): void;
}

type Deliver = (messages: readonly Message[], urgent?: boolean) => void;

/** Connects, reads, and connects again until stopped. Everything it learns goes to `deliver`. */
export function startFeed(api: Api, deliver: Deliver): Feed {
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

  const run = async (): Promise<void> => {
    while (!stopped) {
      deliver([{ kind: 'connecting' }], true);
      abort = new AbortController();
      let error: unknown;
      try {
        await session(api, abort, deliver, () => {
          failures = 0;
        });
      } catch (caught) {
        error = abort.signal.aborted ? abort.signal.reason : caught;
      }
      // What still runs of this session must not speak into the next.
      abort.abort();
      if (stopped) return;
      if (error instanceof ApiError && (error.problem.status === 401 || error.problem.status === 403)) {
        deliver([{ kind: 'unauthorized', why: error.problem.detail }], true);
        await pause(2 ** 31 - 1);
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

/** One connection, from the opening of the stream to its end. */
async function session(api: Api, abort: AbortController, deliver: Deliver, ready: () => void): Promise<void> {
  const { signal } = abort;
  const silence = silenceTimer(() => abort.abort(new Error('silent')));
  const watch = controlsWatch(api, signal, deliver);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let large = false;

  const reader = () =>
    sseReader((event) => {
      const message = parse(event.name, event.data);
      if (message === undefined) return;
      if (message.kind === 'controls') void watch(message.controls).catch(() => {});
      // Of a large tree every node's word on every point would be a flood: the whole is asked for instead.
      else if (message.kind !== 'report' || !large) deliver([message]);
      // Points came or went, or change their mode: the answering node says nothing of itself in the stream.
      if (message.kind === 'controls' || message.kind === 'audit') void refresh();
    });
  const beside: Tributaries = tributaries(api, signal, reader, () => performance.now());

  const refresh = async (): Promise<void> => {
    clearTimeout(timer);
    const all = await load(api).catch(() => null);
    if (signal.aborted) return;
    if (all !== null) {
      large = all.nodes.length > LARGE_NODES;
      deliver(all.messages);
      beside.follow(all.nodes);
      void watch(all.controls).catch(() => {});
    }
    clearTimeout(timer);
    timer = setTimeout(
      () => void refresh(),
      (all?.nodes.length ?? 0) > LARGE_NODES ? REFRESH_LARGE_MS : REFRESH_MS,
    );
  };

  const opened = () => {
    silence.restart();
    load(api).then(
      ({ messages, nodes, controls }) => {
        if (signal.aborted) return;
        ready();
        large = nodes.length > LARGE_NODES;
        deliver([...messages, { kind: 'ready' }], true);
        beside.follow(nodes);
        void watch(controls).catch(() => {});
        timer = setTimeout(() => void refresh(), REFRESH_MS);
      },
      (error) => abort.abort(error),
    );
  };
  const read = reader();
  try {
    await api.events({ signal }, opened, (piece) => {
      silence.restart();
      deliver([{ kind: 'heard' }]);
      read(piece);
    });
  } finally {
    silence.stop();
    clearTimeout(timer);
  }
}

/** Calls once nothing was heard for too long; counts from the first restart. */
function silenceTimer(onSilence: () => void): { restart(): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    restart() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

/**
 * Delivers controls, and asks for them again while a kill waits for acknowledgements: a person is waiting for these, and
 * nobody should watch a stale list of them.
 */
function controlsWatch(
  api: Api,
  signal: AbortSignal,
  deliver: Deliver,
): (controls: ControlsStatus) => Promise<void> {
  let watching = false;
  const watch = async (controls: ControlsStatus): Promise<void> => {
    deliver([{ kind: 'controls-answer', controls }], true);
    if (watching || !isWaiting(controls)) return;
    watching = true;
    await new Promise((resolve) => setTimeout(resolve, WAITING_MS));
    watching = false;
    if (!signal.aborted) await watch(await api.controls());
  };
  return watch;
}

/** Everything the page needs before the stream makes sense. */
async function load(api: Api) {
  const [nodes, points, controls, entries] = await Promise.all([
    api.nodes(),
    api.points(),
    api.controls(),
    api.audit(),
  ]);
  const large = nodes.length > LARGE_NODES;
  const asked = points
    .slice(0, large ? REPORTS_OF_LARGE : REPORTS_AT_ONCE)
    .map((entry) => api.report(entry.spec.point, !large));
  // A point may be deleted between the two calls: its report is then simply not there.
  const answers = await Promise.allSettled(asked);
  const messages: Message[] = [
    { kind: 'nodes', nodes },
    { kind: 'points', points },
    { kind: 'controls-answer', controls },
    { kind: 'audit-answer', entries },
    ...answers.flatMap((one): Message[] =>
      one.status === 'fulfilled' ? [{ kind: 'answer', answer: one.value }] : [],
    ),
  ];
  return { messages, nodes, controls };
}

function isWaiting(controls: ControlsStatus): boolean {
  return controls.kills.some((kill) => kill.acknowledgements.some((ack) => ack.state === 'waiting'));
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
