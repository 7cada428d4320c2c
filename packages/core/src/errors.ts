/**
 * One error class for everything Ganglion refuses. Match on `code`, never on the message.
 *
 * `field` names what was wrong (a path such as `guards[1].openFor`), `value` shows it (cut to 80 characters),
 * `mend` says in one sentence what to do.
 */
export type ErrorCode =
  | 'invalid_spec' // a point, guard or policy was declared wrongly
  | 'invalid_context' // a context does not fit the point's schema
  | 'invalid_input' // a malformed argument or body
  | 'not_replayable' // a policy looks at what no log keeps, so no log can judge it
  | 'unknown_field' // a candidate reads a field that no decision of the log has
  | 'unknown_point'
  | 'unknown_arm'
  | 'unknown_kind' // no such family member in the registry
  | 'unknown_decision' // feedback for an id this tree never issued, or has forgotten
  | 'unknown_node'
  | 'unknown_entity' // no point of the domain declares features of such entities
  | 'unknown_model'
  | 'unknown_version' // of a model
  | 'unknown_control' // a revive or removal names nothing that stands
  | 'feedback_expired' // after the attribution and correction windows
  | 'feedback_conflict' // another value under the same revision
  | 'version_conflict' // somebody changed it meanwhile
  | 'undecodable' // bytes that do not decode within the limits
  | 'implausible_evidence' // evidence beyond what its decisions could have taught
  | 'storage_failed' // a write did not reach the disk; nothing acknowledged is lost
  | 'storage_full'
  | 'storage_corrupt'
  | 'overloaded' // a bounded queue is full; try again later
  | 'deadline_exceeded'
  | 'unauthorized'
  | 'forbidden'
  | 'closed' // the node has been stopped
  | 'unsupported';

export interface ErrorDetail {
  readonly field?: string | undefined;
  readonly value?: unknown;
  readonly mend?: string | undefined;
  readonly cause?: unknown;
}

export class GanglionError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly value: string | undefined;
  readonly mend: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'GanglionError';
    this.code = code;
    this.field = detail.field;
    this.value = 'value' in detail ? show(detail.value) : undefined;
    this.mend = detail.mend;
  }
}

/** A value as an error message may show it: short, one line, never throwing whatever it is given. */
export function show(value: unknown): string {
  let text: string;
  try {
    text =
      typeof value === 'string'
        ? JSON.stringify(value)
        : typeof value === 'object' && value !== null
          ? JSON.stringify(value)
          : String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  text ??= 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Whether `error` is one of ours, with this code where one is given. Works across copies of the package. */
export function isGanglionError(error: unknown, code?: ErrorCode): error is GanglionError {
  return (
    error instanceof Error &&
    error.name === 'GanglionError' &&
    (code === undefined || (error as GanglionError).code === code)
  );
}
