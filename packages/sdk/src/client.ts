import type {
  AuditEntry,
  ControlsStatus,
  DecideInput,
  Decision,
  EntityView,
  FeedbackItem,
  IngestEvent,
  ModelStatus,
  NodeEvent,
  NodeStatus,
  PointSpec,
  Slate,
  VersionInput,
} from '@ganglion/core';
import {
  type Call,
  eitherSignal,
  heeding,
  TRANSPORT_OPTIONS,
  type Transport,
  type TransportOptions,
  transport,
} from './http.ts';
import { checkOption, checkOptions, type Rule } from './options.ts';
import { readEvents } from './sse.ts';
import type {
  ApplyAnswer,
  DecideRequest,
  EvaluateAnswer,
  EvaluateRequest,
  HealthAnswer,
  HistoryAnswer,
  IngestAnswer,
  IntakeAnswer,
  KillAnswer,
  ModelAnswer,
  ModelChangeAnswer,
  OverrideBody,
  PointEntry,
  ReadyAnswer,
  ReportAnswer,
  ReweighAnswer,
  RollbackAnswer,
  TagsAnswer,
  TrainingAnswer,
  TrainingStatus,
} from './wire.ts';

export type { TransportOptions } from './http.ts';
export { RemoteRefusal } from './refusal.ts';

export interface ClientOptions extends TransportOptions {
  /** Which node of the daemon's process is asked; default: its root-most. */
  readonly node?: string | undefined;
}

const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, true>> = { ...TRANSPORT_OPTIONS, node: true };

/**
 * A daemon, as its API has it (DESIGN §7). Every function rejects with `GanglionError` only: match on `code`; `closed`
 * where the daemon cannot be reached.
 */
export interface Client {
  readonly url: string;
  /** The same client, whose calls this signal gives up (`deadline_exceeded`); events end without an error. */
  with(options: CallOptions): Client;
  /** Sent again only where the daemon cannot have decided: a decision nobody acts on would be a lost outcome. */
  decide(point: string, input?: DecideRequest): Promise<Decision>;
  /** One call, however many; in order. */
  decideMany(point: string, inputs: readonly DecideRequest[]): Promise<readonly Decision[]>;
  /** The best `k` arms in order, for points with a slate; feedback goes to each item's own id. */
  rank(point: string, k: number, input?: Omit<DecideRequest, 'deadlineMs'>): Promise<Slate>;
  /** Resolves once durable. Rejects if all was refused; what was refused among others is in `rejected`. */
  feedback(items: FeedbackItem | readonly FeedbackItem[]): Promise<IntakeAnswer>;
  exposures(ids: string | readonly string[]): Promise<IntakeAnswer>;
  /** Events for features; resolves once durable. Rejects if all were refused; one sent again counts once. */
  ingest(events: IngestEvent | readonly IngestEvent[]): Promise<IngestAnswer>;
  /** What the node knows of an entity (`KIND:KEY`) now. */
  features(domain: string, entity: string): Promise<EntityView>;
  readonly points: PointCalls;
  report(point: string): Promise<ReportAnswer>;
  /** The last quarter of an hour of a point, as the daemon keeps it in memory; no samples of one that it does not sample. */
  history(point: string): Promise<HistoryAnswer>;
  /** What another policy would have brought, by the daemon's own log. Takes seconds: give the client a `timeoutMs` to match. */
  evaluate(point: string, request: EvaluateRequest, signal?: AbortSignal): Promise<EvaluateAnswer>;
  /** Forgets what a point has learned, everywhere. */
  reset(point: string, reason: string): Promise<void>;
  /** Lets frozen learners of a point learn again, at the node that is asked and below it. */
  thaw(point: string, reason: string): Promise<void>;
  /** Sets weights of a point's objective; the others stay. */
  reweigh(point: string, weights: Readonly<Record<string, number>>, reason: string): Promise<ReweighAnswer>;
  kill(scope: string, reason: string): Promise<KillAnswer>;
  revive(scope: string, reason: string): Promise<TagsAnswer>;
  controls(): Promise<ControlsStatus>;
  override(point: string, override: OverrideBody): Promise<{ readonly tag: string }>;
  removeOverride(
    point: string,
    options?: { readonly tag?: string | undefined; readonly reason?: string | undefined },
  ): Promise<TagsAnswer>;
  quarantine(node: string, reason: string): Promise<void>;
  /** Its evidence counts again. */
  liftQuarantine(node: string, reason: string): Promise<TagsAnswer>;
  readonly models: ModelCalls;
  nodes(): Promise<readonly NodeStatus[]>;
  audit(limit?: number): Promise<readonly AuditEntry[]>;
  /**
   * What happens from now on, until the connection ends. Aborted, before or after it began, it ends without an error.
   * Decisions and outcomes are samples.
   */
  events(options?: EventOptions): AsyncIterable<NodeEvent>;
  health(): Promise<HealthAnswer>;
  ready(): Promise<ReadyAnswer>;
}

export interface PointCalls {
  list(): Promise<readonly PointEntry[]>;
  get(point: string): Promise<PointEntry>;
  /** Declares or replaces. The same declaration again changes nothing. */
  apply(spec: PointSpec): Promise<ApplyAnswer>;
  /** The same, from YAML text; the daemon reads it. */
  applyYaml(point: string, yaml: string): Promise<ApplyAnswer>;
  remove(point: string, reason?: string): Promise<void>;
}

/** Versions of models; changed at the daemon of the tree's root. */
export interface ModelCalls {
  list(): Promise<readonly ModelStatus[]>;
  /** With how its versions do at each point. */
  get(model: string): Promise<ModelAnswer>;
  register(model: string, version: VersionInput): Promise<ModelChangeAnswer>;
  /** The champion; with `traffic`, a challenger with that share. */
  promote(
    model: string,
    version: string,
    reason: string,
    traffic?: number | undefined,
  ): Promise<ModelChangeAnswer>;
  retire(model: string, version: string, reason: string): Promise<ModelChangeAnswer>;
  rollback(model: string, reason: string): Promise<RollbackAnswer>;
  /** When each model of the daemon's plan is trained anew. */
  schedule(): Promise<readonly TrainingStatus[]>;
  /** Trains one in the first window that is free for it. */
  retrain(model: string, reason: string): Promise<TrainingAnswer>;
  /** Keeps an artifact at the daemon, under its SHA-256. */
  putArtifact(digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface EventOptions {
  readonly kinds?: readonly NodeEvent['kind'][] | undefined;
  readonly point?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws GanglionError `invalid_input`, for a URL that is none */
export function createClient(options: ClientOptions = {}): Client {
  checkOptions(options, CLIENT_OPTIONS);
  return clientOf(transport(options), options.node, undefined);
}

const SIGNAL: Rule = {
  holds: (value) => value instanceof AbortSignal,
  is: 'an AbortSignal',
  mend: 'Give the signal of an AbortController, or AbortSignal.timeout(…).',
};

/** @param given - what gives up all its calls */
function clientOf(way: Transport, node: string | undefined, given: AbortSignal | undefined): Client {
  const wire = given === undefined ? way : heeding(way, given);
  const calls = callsOf(wire, node);
  const { at, get, post } = calls;
  return {
    url: wire.url,
    with(options) {
      checkOptions(options, { signal: true });
      checkOption('signal', options.signal, SIGNAL);
      return clientOf(way, node, eitherSignal(given, options.signal));
    },
    decide: (point, input = {}) => post(`${pointPath(point)}/decide`, input satisfies DecideInput, 'refused'),
    decideMany: (point, inputs) => post(`${pointPath(point)}/decide`, inputs, 'refused'),
    rank: (point, k, input = {}) => post(`${pointPath(point)}/rank`, { k, ...input }, 'refused'),
    // Idempotent by (id, metric, revision): a retry is counted as a duplicate.
    feedback: (items) => post('/v1/feedback', items, 'always'),
    exposures: (ids) =>
      post('/v1/exposures', typeof ids === 'string' ? { id: ids } : ids.map((id) => ({ id })), 'always'),
    ingest: (events) => post('/v1/ingest', events, 'always'),
    features: (domain, entity) =>
      get(`/v1/features/${encodeURIComponent(domain)}/${encodeURIComponent(entity)}`),
    points: pointCalls(wire, calls),
    models: modelCalls(wire, calls),
    ...controlCalls(calls),
    evaluate: (point, request, signal) =>
      wire.json({
        method: 'POST',
        path: at(`${pointPath(point)}/evaluate`),
        body: request,
        again: 'refused',
        signal,
      }),
    report: (point) => get(`${pointPath(point)}/report`),
    history: (point) => get(`${pointPath(point)}/history`),
    reweigh: (point, weights, reason) => post(`${pointPath(point)}/weights`, { weights, reason }, 'refused'),
    reset: async (point, reason) => void (await post(`${pointPath(point)}/reset`, { reason }, 'refused')),
    thaw: async (point, reason) => void (await post(`${pointPath(point)}/thaw`, { reason }, 'refused')),
    nodes: () => get('/v1/nodes'),
    audit: (limit) => get('/v1/audit', { limit: limit === undefined ? undefined : String(limit) }),
    events: ({ kinds, point, signal } = {}) =>
      readEvents(way, at('/v1/events', { kinds: kinds?.join(','), point }), eitherSignal(signal, given)),
    health: () => get('/healthz'),
    ready: () => get('/readyz'),
  };
}

type Query = Readonly<Record<string, string | undefined>>;

/** Calls of one node. */
interface Calls {
  at(path: string, query?: Query): string;
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body: unknown, again: Call['again']): Promise<T>;
  put<T>(path: string, body: unknown, again: Call['again']): Promise<T>;
  remove<T>(path: string, query: Query): Promise<T>;
}

/** @param node - undefined: the one that the daemon asks by itself */
function callsOf(wire: Transport, node: string | undefined): Calls {
  const at = (path: string, query: Query = {}): string => {
    const given = Object.entries({ ...query, node }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
  };
  return {
    at,
    get: (path, query) => wire.json({ method: 'GET', path: at(path, query), again: 'always' }),
    post: (path, body, again) => wire.json({ method: 'POST', path: at(path), body, again }),
    put: (path, body, again) => wire.json({ method: 'PUT', path: at(path), body, again }),
    remove: (path, query) => wire.json({ method: 'DELETE', path: at(path, query), again: 'refused' }),
  };
}

type ControlCalls = Pick<
  Client,
  'kill' | 'revive' | 'controls' | 'override' | 'removeOverride' | 'quarantine' | 'liftQuarantine'
>;

function controlCalls({ get, post, put, remove }: Calls): ControlCalls {
  return {
    // A second tag of the same scope stops nothing more, and a revive removes both.
    kill: (scope, reason) => post('/v1/kill', { scope, reason }, 'always'),
    revive: (scope, reason) => post('/v1/revive', { scope, reason }, 'refused'),
    controls: () => get('/v1/controls'),
    override: (point, override) => put(`${pointPath(point)}/override`, override, 'refused'),
    removeOverride: (point, { tag, reason } = {}) => remove(`${pointPath(point)}/override`, { tag, reason }),
    quarantine: async (node, reason) => void (await post('/v1/quarantine', { node, reason }, 'refused')),
    liftQuarantine: (node, reason) => remove(`/v1/quarantine/${encodeURIComponent(node)}`, { reason }),
  };
}

function pointCalls(wire: Transport, { at, get, put, remove }: Calls): PointCalls {
  return {
    list: () => get('/v1/points'),
    get: (point) => get(pointPath(point)),
    apply: (spec) => put(pointPath(spec.point), spec, 'always'),
    applyYaml: (point, yaml) =>
      wire.json({
        method: 'PUT',
        path: at(pointPath(point)),
        raw: { type: 'application/yaml', text: yaml },
        again: 'always',
      }),
    remove: (point, reason) => remove(pointPath(point), { reason }),
  };
}

function modelCalls(wire: Transport, { at, get, post }: Calls): ModelCalls {
  const change = <T>(model: string, what: string, body: unknown, again: Call['again']): Promise<T> =>
    post(`${modelPath(model)}/${what}`, body, again);
  return {
    list: () => get('/v1/models'),
    get: (model) => get(modelPath(model)),
    register: (model, version) => change(model, 'versions', version, 'always'),
    promote: (model, version, reason, traffic) =>
      change(model, 'promote', { version, reason, ...(traffic === undefined ? {} : { traffic }) }, 'always'),
    retire: (model, version, reason) => change(model, 'retire', { version, reason }, 'always'),
    // Twice is not once: it would go back two versions.
    rollback: (model, reason) => change(model, 'rollback', { reason }, 'refused'),
    schedule: () => get('/v1/training'),
    retrain: (model, reason) => change(model, 'retrain', { reason }, 'always'),
    putArtifact: async (digest, bytes) =>
      void (await wire.json({
        method: 'PUT',
        path: at(`/v1/artifacts/${encodeURIComponent(digest)}`),
        raw: { type: 'application/octet-stream', text: bytes },
        again: 'always',
      })),
  };
}

const modelPath = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;

function pointPath(point: string): string {
  return `/v1/points/${encodeURIComponent(point)}`;
}
