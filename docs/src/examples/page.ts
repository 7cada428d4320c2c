import { isGanglionError } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { embedNode } from '@ganglion/sdk';

/** A name that no other tab has, and that this one keeps when it is loaded anew. */
async function tabName(): Promise<string> {
  const kept = sessionStorage.getItem('ganglion-name');
  // A duplicated tab begins with a copy of the session: the lock says who of the two goes on under the name.
  const name = kept !== null && (await holds(kept)) ? kept : `tab-${crypto.randomUUID()}`;
  if (name !== kept) await holds(name);
  sessionStorage.setItem('ganglion-name', name);
  return name;
}

/** Takes the lock of a name, for as long as this page is open. A page that was just left lets go of it in a moment. */
const holds = (name: string): Promise<boolean> =>
  new Promise((resolve) => {
    const forLife = (): Promise<never> => {
      resolve(true);
      return new Promise(() => {});
    };
    navigator.locks.request(name, { signal: AbortSignal.timeout(1000) }, forLife).catch(() => resolve(false));
  });

/** What fails again and again says what to do about it. */
const onTrouble = (trouble: unknown): void =>
  console.warn(String(trouble), isGanglionError(trouble) ? (trouble.mend ?? '') : '');

export const startNode = async (url: string, token?: string) =>
  embedNode({
    name: await tabName(),
    registry: standard,
    parent: { url, token, onTrouble },
  });
