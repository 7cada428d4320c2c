import type { Estimate } from '@ganglion/sdk';

/** Numbers and times as people read them. `–` is unknown: never zero, never healthy. */
export const UNKNOWN = '–';
const MINUS = '−';

/** Three significant digits. */
export function number(value: number | null): string {
  if (value === null) return UNKNOWN;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2).replaceAll('-', MINUS);
  return size >= 100 ? count(value) : String(Number(value.toPrecision(3))).replace('-', MINUS);
}

/** A whole number. Evidence that fades or is shared in parts counts in fractions: rounded here, exact with `--json`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-GB').replaceAll(',', ' ').replace('-', MINUS);
}

/** `1 decision`, `10 000 decisions`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${Math.round(n) === 1 ? one : many}`;
}

export function percent(share: number | null): string {
  if (share === null) return UNKNOWN;
  return share > 0 && share < 1e-4 ? '< 0.01 %' : `${number(share * 100)} %`;
}

/** `12 ms`, `3.4 s`, `5 min`, `2 h`, `3 d`. */
export function duration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Number((ms / 1_000).toPrecision(3))} s`;
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 2 * 86_400_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** `2026-03-01 12:00:00`, in UTC. */
export function time(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** `0.92 [0.9, 0.94]`: an estimate is never shown without its interval. */
export function estimate({ mean, low, high }: Estimate): string {
  if (mean === null) return UNKNOWN;
  // What is nothing beside the width of the interval is shown as 0, not as −2.35e−11.
  const nil = low === null || high === null ? 0 : (high - low) * 1e-6;
  const end = (value: number | null): string => number(value !== null && Math.abs(value) < nil ? 0 : value);
  return `${end(mean)} [${end(low)}, ${end(high)}]`;
}

const UNREAD: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not',
  EISDIR: 'it is a folder',
};

/** Why a file cannot be read, to stand after that: `: it is a folder`; nothing where that is not known. */
export function whyUnread(error: unknown): string {
  const why = UNREAD[(error as NodeJS.ErrnoException).code ?? ''];
  return why === undefined ? '' : `: ${why}`;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `250ms`, `30s`, `5m`, `1h`, `7d` as ms; undefined where it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]];
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}
