import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openTables } from '@ganglion/adapters/parquet';

/** Where data sets of others are: GANGLION_DATA, else beside the repository. */
const DATA =
  process.env.GANGLION_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

/** The Open Bandit sample of a policy; undefined where it is not on this machine. */
export function openBanditAt(policy: 'random' | 'bts'): string | undefined {
  const folder = `${DATA}/obd/${policy}/women`;
  return existsSync(folder) ? folder : undefined;
}

/** Whether the optional peer that reads tables is installed. */
export const hasTables: boolean = await openTables().then(
  (tables) => {
    tables.close();
    return true;
  },
  () => false,
);
