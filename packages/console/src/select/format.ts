/** Numbers as a person reads them. Every function is total: null, NaN and infinities become UNKNOWN. */

export const UNKNOWN = '–';
/** Narrow no-break space, between a number and its unit. */
const THIN = '\u202f';
const MINUS = '\u2212';

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** `digits` significant digits, without an exponent below a million: 0.0123, 4.7, 1,204. */
export function number(value: number | null | undefined, digits = 3): string {
  if (!known(value)) return UNKNOWN;
  const text = value.toLocaleString('en', {
    maximumSignificantDigits: Math.max(digits, integerDigits(value)),
  });
  return text.replace('-', MINUS);
}

function integerDigits(value: number): number {
  const size = Math.floor(Math.log10(Math.max(1, Math.abs(value)))) + 1;
  return Math.min(21, size);
}

/** Whole things: 812, 12.4k, 3.1M. */
export function count(value: number | null | undefined): string {
  if (!known(value)) return UNKNOWN;
  if (Math.abs(value) < 10_000) return Math.round(value).toLocaleString('en');
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 }).replace('K', 'k');
}

/** Per second. */
export function rate(value: number | null | undefined): string {
  if (!known(value)) return UNKNOWN;
  const text = value > 0 && value < 10 ? number(value, 2) : count(value);
  return `${text}/s`;
}

/** A length of time: 0.82 ms, 9.4 ms, 412 ms, 1.24 s, 2 min 5 s, 3 h 12 min, 4 d. */
export function duration(ms: number | null | undefined): string {
  if (!known(ms)) return UNKNOWN;
  if (ms < 0) return `${MINUS}${duration(-ms)}`;
  if (ms < 999.5) return `${number(ms, ms < 100 ? 2 : 3)}${THIN}ms`;
  if (ms < 59_950) return `${number(ms / 1000, 3)}${THIN}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  return `${Math.round(minutes / 1440)}${THIN}d`;
}

function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  const head = `${big}${THIN}${bigUnit}`;
  return small === 0 ? head : `${head} ${small}${THIN}${smallUnit}`;
}

/** How long ago, in whole seconds so that it does not flicker: `now`, `3 s ago`, `2 min ago`. */
export function age(ms: number | null | undefined): string {
  if (!known(ms)) return UNKNOWN;
  return ms < 1000 ? 'now' : `${wholeDuration(ms)} ago`;
}

/** An age with a tenth of a second while it is short: 0.4 s, 12 s, 3 min. */
export function shortAge(ms: number | null | undefined): string {
  return known(ms) && ms >= 0 && ms < 9_950 ? `${(ms / 1000).toFixed(1)}${THIN}s` : wholeDuration(ms);
}

/** A length of time in whole seconds, then minutes, for what ticks. */
export function wholeDuration(ms: number | null | undefined): string {
  if (!known(ms)) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}${THIN}s`;
  return duration(Math.floor(seconds / 60) * 60_000);
}

/** A share in [0, 1]: 83 %, 2.4 %, 99.93 %. */
export function percent(share: number | null | undefined): string {
  if (!known(share)) return UNKNOWN;
  const value = share * 100;
  const size = Math.abs(value);
  // Towards 100 % the second decimal is what matters: 99.9 and 99.99 are different services.
  const decimals =
    size > 99 && size < 100 ? 2 : size === 0 || (size >= 10 && size <= 99) || size >= 100 ? 0 : 1;
  return `${value.toFixed(decimals).replace('-', MINUS)}${THIN}%`;
}

/** A probability: three decimals, and never rounded to a certainty that it is not. */
export function probability(p: number | null | undefined): string {
  if (!known(p)) return UNKNOWN;
  if (p > 0 && p < 0.001) return '< 0.001';
  if (p < 1 && p > 0.999) return '> 0.999';
  return p === 0 || p === 1 ? String(p) : p.toFixed(3);
}

/** Local time of day; with milliseconds where `fine`. */
export function clock(wallMs: number | null | undefined, fine = false): string {
  if (!known(wallMs)) return UNKNOWN;
  const date = new Date(wallMs);
  const pad = (n: number, size = 2) => String(n).padStart(size, '0');
  const text = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return fine ? `${text}.${pad(date.getMilliseconds(), 3)}` : text;
}

/** Local day and time: 21 Nov 14:03:11. */
export function dateAndClock(wallMs: number | null | undefined): string {
  if (!known(wallMs)) return UNKNOWN;
  const day = new Date(wallMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return `${day} ${clock(wallMs)}`;
}

/** `1 node`, `3 nodes`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A declared duration (`30s`, `250ms`, or a number of milliseconds) in ms; null where it is none. */
export function durationMs(declared: unknown): number | null {
  if (typeof declared === 'number') return Number.isFinite(declared) ? declared : null;
  const match =
    typeof declared === 'string' ? /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(declared.trim()) : null;
  if (match === null) return null;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms'];
  return Number(match[1]) * unit;
}
