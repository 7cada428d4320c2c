import { availableParallelism, totalmem } from 'node:os';
import type { Check } from './check.ts';

const NODE_MAJOR = 24;

/** This machine and its Node. */
export function checkPlatform(): Check[] {
  const major = Number(process.versions.node.split('.')[0]);
  const node: Check =
    major >= NODE_MAJOR
      ? { name: 'node', state: 'passes', found: `version ${process.versions.node}` }
      : {
          name: 'node',
          state: 'fails',
          found: `version ${process.versions.node}`,
          mend: `Use Node ${NODE_MAJOR} or later.`,
        };
  const gib = totalmem() / 2 ** 30;
  return [
    node,
    {
      name: 'machine',
      state: 'passes',
      found: `${availableParallelism()} cores, ${gib.toFixed(1)} GiB memory, ${process.platform} ${process.arch}`,
    },
  ];
}
