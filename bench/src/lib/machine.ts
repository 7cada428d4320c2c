import { cpus, loadavg } from 'node:os';

/** Where and when a report was made. Load is the one-minute average: beyond the cores, figures are of a crowded machine. */
export interface Machine {
  readonly at: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
}

/** Reads the load now, and again when the result is called at the end. */
export function machineAt(): () => Machine {
  const [loadBefore] = loadavg();
  const at = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return () => {
    const [loadAfter] = loadavg();
    const all = cpus();
    return {
      at,
      cpu: all[0]?.model.trim() ?? 'unknown',
      cores: all.length,
      node: process.versions.node,
      loadBefore,
      loadAfter,
    };
  };
}
