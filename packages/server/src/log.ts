import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** How much is logged, from nothing to everything. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where a secret could stand in what is logged. Tokens are never logged on purpose; this is for accidents. */
const SECRETS = [
  'authorization',
  'headers.authorization',
  'headers.cookie',
  'req.headers.authorization',
  'req.headers.cookie',
  'token',
  '*.token',
  'tokens',
  '*.tokens',
];

/** The daemon's log: JSON lines on standard error, so that standard output stays the result's. */
export function createLogger(
  level: LogLevel = 'info',
  destination: DestinationStream = pino.destination({ dest: 2, sync: false }),
): Logger {
  return pino({ name: 'ganglion', level, redact: { paths: SECRETS, censor: '[redacted]' } }, destination);
}
