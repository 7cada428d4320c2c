/**
 * The seam between the HTTP transport of `ganglion proxy` and what decides.
 *
 * The transport knows nothing of decision points: for each attempt it asks a `BackendChooser`, and it tells the
 * choice how the attempt went. Wired to a point, `choose` is `decide` (`arm` is the arm drawn, `undefined` is a
 * typed `blocked`), `answered` is where the request stops waiting, and `done` says how it went, which the head cannot.
 */

/** What the chooser may know of a request. Plain values: never a request object. */
export interface BackendRequest {
  /** Upper case, such as `GET`. */
  readonly method: string;
  /** The path without its query, as the client wrote it: not decoded, not normalised. */
  readonly path: string;
  /** Whom the request is for, where the proxy was told how to read it (`unit` option); assignment hashes it. */
  readonly unit?: string | undefined;
  /** 0 for the first attempt, then 1 for the first retry, and so on. */
  readonly attempt: number;
  /** Arms that already failed for this request. Empty on the first attempt. */
  readonly exclude: readonly string[];
  /** The value of a request header, by its lower-case name; repeated fields are joined as RFC 9110 §5.3 says. */
  header(name: string): string | undefined;
}

/** One attempt's backend. The transport calls `done` exactly once for every choice it was given. */
export interface BackendChoice {
  readonly arm: string;
  /** Scheme, host and port: `http://10.0.0.7:8080`. A path, query or credentials make the choice unusable. */
  readonly origin: string;
  /**
   * The final response head has arrived (for a WebSocket: the 101). It may still be cut: only `done` knows that the
   * whole response passed, but for long streams and tunnels it may come hours later. Called at most once, always
   * before `done`.
   */
  answered?(answer: BackendAnswer): void;
  /** The attempt is over; nothing of it is left in flight. */
  done(outcome: BackendOutcome): void;
}

/** A response head. */
export interface BackendAnswer {
  readonly status: number;
  /** From handing the request to the connection pool to the response head; connecting is included. */
  readonly latencyMs: number;
  /**
   * What the backend took of it: connecting, and from the last byte of the request to the head; where it answered before it
   * had the whole request, from the last byte that it had been sent. What it can be judged by: the rest is the client's.
   */
  readonly waitMs?: number | undefined;
}

/** How an attempt ended. */
export interface BackendOutcome {
  /**
   * Whose doing it was that the attempt did not end well. Only `backend` may be charged to the arm. `none`: the
   * whole response passed (its status may still be a 5xx: judge by `status`). `client`: it went away, or its own
   * body broke off or stalled. `proxy`: it is shutting down, or had no room for the attempt.
   */
  readonly fault: 'none' | 'backend' | 'client' | 'proxy';
  readonly error?: AttemptError | undefined;
  /** Status of the final response, where its head arrived. */
  readonly status?: number | undefined;
  /** To the response head; without one, to the failure. With the time in which the client sent its body. */
  readonly latencyMs: number;
  /** As of the answer; without a response head, how long the backend was waited for: undefined while the client still sent. */
  readonly waitMs?: number | undefined;
  /** To the end of the body, or of the tunnel. Depends on how fast the client reads. */
  readonly totalMs: number;
  /** Bytes of the response body, or those a tunnel carried from the backend. */
  readonly bytes: number;
}

/** Why an attempt did not end well. */
export type AttemptError =
  | 'backend_unreachable' // refused, no route, unknown name, TLS refused: the request was never sent
  | 'backend_connect_timeout'
  | 'backend_reset' // the connection ended before a response head
  | 'backend_head_timeout' // connected, but no response head in time
  | 'backend_bad_response' // not HTTP, head too large, or framing that cannot be trusted
  | 'backend_unasked_continue' // sent 100 (Continue) that nobody asked for, which the proxy could not read; never its fault
  | 'backend_cut' // the response broke off
  | 'backend_body_timeout' // the response stalled
  | 'backend_saturated' // as many requests in flight to it as the proxy allows
  | 'backend_invalid_origin' // the chooser gave an origin that is none
  | 'client_gone'
  | 'client_stalled' // stopped sending its body, or reading the response
  | 'client_invalid' // a request that cannot be forwarded as it stands
  | 'proxy_closed';

/** Chooses a backend. Synchronous, as `decide` is. */
export interface BackendChooser {
  /** `undefined`: no backend may be used (blocked). It should not throw; if it does, the client gets a 500. */
  choose(request: BackendRequest): BackendChoice | undefined;
}
