import type {
  AuditEntry,
  ControlsStatus,
  EvaluateAnswer,
  EvaluateRequest,
  HistoryAnswer,
  KillAnswer,
  ModelAnswer,
  ModelStatus,
  NodeStatus,
  PointEntry,
  ReportAnswer,
} from '../wire.ts';

/** A refused call, as RFC 9457 describes it. */
export interface ProblemDocument {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly field?: string | undefined;
  /** What to do about it, in one sentence. */
  readonly mend?: string | undefined;
}

/** Thrown for every call that did not succeed; `status` 0 where the node could not be reached at all. */
export class ApiError extends Error {
  readonly problem: ProblemDocument;

  constructor(problem: ProblemDocument, cause?: unknown) {
    super(problem.detail, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** Which events, of which node of the answering process; default: all of the answering node. */
interface EventOptions {
  readonly signal: AbortSignal;
  readonly node?: string;
  /** Comma-separated. */
  readonly kinds?: string;
}

/** The calls this page makes (DESIGN §7). All reject with `ApiError` only. */
export interface Api {
  nodes(): Promise<readonly NodeStatus[]>;
  points(): Promise<readonly PointEntry[]>;
  /** @param each - whether each node's own report comes with it: of a large tree that is a lot. */
  report(point: string, each?: boolean): Promise<ReportAnswer>;
  /** The last minutes of a point, as the node kept them. */
  history(point: string): Promise<HistoryAnswer>;
  /** Takes seconds; aborted, the daemon ends it. */
  evaluate(point: string, request: EvaluateRequest, signal: AbortSignal): Promise<EvaluateAnswer>;
  controls(): Promise<ControlsStatus>;
  models(): Promise<readonly ModelStatus[]>;
  model(name: string): Promise<ModelAnswer>;
  /** To champion, or with `traffic` to a challenger with that share. */
  promote(
    model: string,
    change: { readonly version: string; readonly traffic?: number; readonly reason: string },
  ): Promise<void>;
  /** The champion is killed, and the one before it serves again. */
  rollback(model: string, reason: string): Promise<void>;
  audit(): Promise<readonly AuditEntry[]>;
  /** Resolves once it is durable at the node that answers. */
  kill(scope: string, reason: string): Promise<KillAnswer>;
  revive(scope: string, reason: string): Promise<void>;
  /** Frozen learners of the point learn again, on the answering node and below. */
  thaw(point: string, reason: string): Promise<void>;
  /** Calls `text` with every piece of an event stream until it ends or is aborted. */
  events(options: EventOptions, opened: () => void, text: (piece: string) => void): Promise<void>;
}

/**
 * @param base - where the node answers, '' for the page's own origin.
 * @param token - the bearer token of the moment, or null.
 */
export function httpApi(base: string, token: () => string | null): Api {
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    const bearer = token();
    if (bearer !== null) headers.set('authorization', `Bearer ${bearer}`);
    if (init.body !== undefined) headers.set('content-type', 'application/json');
    let response: Response;
    try {
      response = await fetch(base + path, { ...init, headers, cache: 'no-store' });
    } catch (cause) {
      throw new ApiError({ status: 0, code: 'unreachable', detail: 'The node could not be reached.' }, cause);
    }
    if (!response.ok) throw new ApiError(await problemOf(response));
    return response;
  };
  const get = async <T>(path: string): Promise<T> => (await call(path)).json() as Promise<T>;
  const post = (path: string, body: unknown) => call(path, { method: 'POST', body: JSON.stringify(body) });

  return {
    nodes: () => get('/v1/nodes'),
    points: () => get('/v1/points'),
    report: (point, each = true) =>
      get(`/v1/points/${encodeURIComponent(point)}/report${each ? '' : '?each=no'}`),
    history: (point) => get(`/v1/points/${encodeURIComponent(point)}/history`),
    evaluate: async (point, request, signal) => {
      const init = { method: 'POST', body: JSON.stringify(request), signal };
      return (await call(`/v1/points/${encodeURIComponent(point)}/evaluate`, init)).json();
    },
    controls: () => get('/v1/controls'),
    models: () => get('/v1/models'),
    model: (name) => get(`/v1/models/${encodeURIComponent(name)}`),
    promote: async (model, change) => {
      await post(`/v1/models/${encodeURIComponent(model)}/promote`, change);
    },
    rollback: async (model, reason) => {
      await post(`/v1/models/${encodeURIComponent(model)}/rollback`, { reason });
    },
    audit: () => get('/v1/audit'),
    kill: async (scope, reason) => (await post('/v1/kill', { scope, reason })).json(),
    revive: async (scope, reason) => {
      await post('/v1/revive', { scope, reason });
    },
    thaw: async (point, reason) => {
      await post(`/v1/points/${encodeURIComponent(point)}/thaw`, { reason });
    },
    events: async ({ signal, ...query }, opened, text) => {
      const search = new URLSearchParams(query).toString();
      const path = search === '' ? '/v1/events' : `/v1/events?${search}`;
      const response = await call(path, { signal, headers: { accept: 'text/event-stream' } });
      opened();
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text(value);
      }
    },
  };
}

async function problemOf(response: Response): Promise<ProblemDocument> {
  const fallback: ProblemDocument = {
    status: response.status,
    code: `http_${response.status}`,
    detail: `The node answered ${response.status} ${response.statusText}`.trim(),
  };
  try {
    return { ...fallback, ...((await response.json()) as Partial<ProblemDocument>), status: response.status };
  } catch {
    // Something between the page and the node answered, and not in JSON.
    return fallback;
  }
}
