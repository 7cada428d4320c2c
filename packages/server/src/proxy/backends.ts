import { getCACertificates } from 'node:tls';
import { Pool } from 'undici';
import type { ResolvedOptions } from './options.ts';
import { canonicalOrigin } from './target.ts';

/** A backend's pool of connections, and how many attempts are in flight to it. */
export interface Backend {
  readonly origin: string;
  readonly pool: Pool;
  active: number;
  /** It sends 100 (Continue) where nobody waits for it, which undici takes for no HTTP: it is asked through node's client. */
  saysContinue: boolean;
  idleSinceMs: number;
}

/** The pools, by the origin as choices write it and by its canonical form. */
export interface Backends {
  /** The backend at an origin; undefined where that is no origin. */
  at(origin: string): Backend | undefined;
  /** Closes what has had no attempt in flight for a minute: arms come and go while the proxy runs. */
  retireIdle(nowMs: number): void;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}

const IDLE_MS = 60_000;

/** Pools made on demand, one for each origin. Each opens a connection where all are busy: there is no queue. */
export function createBackends(options: ResolvedOptions): Backends {
  const byOrigin = new Map<string, Backend>();
  const spellings = new Map<string, Backend>();
  return {
    at(origin) {
      const known = spellings.get(origin);
      if (known !== undefined) return known;
      const canonical = canonicalOrigin(origin);
      if (canonical === undefined) return undefined;
      let backend = byOrigin.get(canonical);
      if (backend === undefined) {
        backend = {
          origin: canonical,
          pool: openPool(canonical, options),
          active: 0,
          saysContinue: false,
          idleSinceMs: 0,
        };
        byOrigin.set(canonical, backend);
      }
      spellings.set(origin, backend);
      return backend;
    },
    retireIdle(nowMs) {
      for (const [origin, backend] of byOrigin) {
        if (backend.active > 0 || nowMs - backend.idleSinceMs < IDLE_MS) continue;
        byOrigin.delete(origin);
        for (const [spelling, its] of spellings) if (its === backend) spellings.delete(spelling);
        void backend.pool.close();
      }
    },
    async destroy() {
      await Promise.all([...byOrigin.values()].map((backend) => backend.pool.destroy()));
      byOrigin.clear();
      spellings.clear();
    },
  };
}

/** What both transports need to verify an https backend. */
export function trustedAuthorities(options: ResolvedOptions): { ca?: string[] } {
  if (options.backendCa === undefined) return {};
  const own = typeof options.backendCa === 'string' ? [options.backendCa] : options.backendCa;
  return { ca: [...getCACertificates('default'), ...own] };
}

function openPool(origin: string, options: ResolvedOptions): Pool {
  return new Pool(origin, {
    // One request at a time on a connection: a slow response must not delay others, nor may a failure take them along.
    pipelining: 1,
    allowH2: false,
    connect: { timeout: options.connectTimeoutMs, ...trustedAuthorities(options) },
    headersTimeout: options.headTimeoutMs,
    bodyTimeout: options.bodyIdleTimeoutMs,
    keepAliveTimeout: options.backendKeepAliveMs,
    keepAliveMaxTimeout: Math.max(options.backendKeepAliveMs, 60_000),
    maxHeaderSize: options.maxHeaderBytes,
  });
}
