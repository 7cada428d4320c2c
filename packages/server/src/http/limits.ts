/** Bounds on what a client may send. All of them in one place; every one is an option of `buildServer`. */
export interface HttpLimits {
  /** Largest body of a call, bytes. */
  readonly bodyBytes: number;
  /** Largest body of a list of decisions or of feedback, bytes. */
  readonly bulkBytes: number;
  /** Largest artifact, bytes. */
  readonly artifactBytes: number;
  /** Largest declaration of a point in YAML, bytes: a YAML parser costs far more a byte than one of JSON. */
  readonly yamlBytes: number;
  /** Deepest nesting of a body; the outermost value is depth 1. */
  readonly depth: number;
  /** Most items of a list: what bounds how long one call may hold up the others. */
  readonly items: number;
  /** Calls a second and client address, decisions and feedback. A list is one call. */
  readonly callsPerSecond: number;
  /** Control actions a second and client address: kills, declarations, overrides, resets. */
  readonly actionsPerSecond: number;
  /** Client addresses counted at once; the longest silent are forgotten first. */
  readonly clients: number;
  /** Connections to a node's event stream at once; shared among clients as `makePlace` says once all are taken. */
  readonly streams: number;
  /** Unsent events kept for one slow reader, bytes; beyond it events are dropped and counted. */
  readonly streamBytes: number;
  /** A whole request must have arrived after this, ms. */
  readonly requestMs: number;
  /** Its head after this, ms. */
  readonly headersMs: number;
  /** An idle connection is closed after this, ms. */
  readonly keepAliveMs: number;
  /** Once the server closes, whoever is still asking or being answered is cut off after this, ms. */
  readonly closingMs: number;
  /** Largest head, bytes. */
  readonly headerBytes: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytes: 1 << 20,
  bulkBytes: 16 << 20,
  artifactBytes: 64 << 20,
  yamlBytes: 256 << 10,
  depth: 32,
  items: 10_000,
  callsPerSecond: 100_000,
  actionsPerSecond: 200,
  clients: 10_000,
  streams: 64,
  streamBytes: 1 << 20,
  requestMs: 30_000,
  headersMs: 10_000,
  keepAliveMs: 65_000,
  closingMs: 5_000,
  headerBytes: 16 << 10,
};
