import { parseArgs } from 'node:util';
import { type OpenLoopOptions, openLoop } from './open-loop.ts';
import { exitOverUsage, followParent, tellParent } from './parent.ts';
import { canonicalOrigin } from './target.ts';

/**
 * An open-loop client in its own process, for the demo and the bench.
 *
 *   node demo-client.ts --target http://127.0.0.1:8080 --rate 200 --units 1000
 *
 * Prints `{"event":"report", …}` every `--report-ms`, and `{"event":"summary", …}` at its end: when its parent goes
 * away or sends `{"stop":true}`, after `--for-ms`, or on a signal. `{"rate":500}` changes the pace. See `openLoop`.
 */
function main(): void {
  const { options, reportMs, forMs } = readArguments();
  const client = openLoop(options);
  const reports = setInterval(() => tellParent({ event: 'report', ...client.sinceLast() }), reportMs);
  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    clearInterval(reports);
    tellParent({ event: 'summary', ...(await client.stop()) });
    process.exit(0);
  };
  if (forMs > 0) setTimeout(() => void end(), forMs);
  followParent(
    (message) => {
      if (typeof message !== 'object' || message === null) return;
      if ('stop' in message) void end();
      if ('rate' in message && typeof message.rate === 'number' && message.rate > 0)
        client.setRate(message.rate);
    },
    () => void end(),
  );
}

function readArguments(): { options: OpenLoopOptions; reportMs: number; forMs: number } {
  try {
    const { values } = parseArgs({
      options: {
        target: { type: 'string' },
        rate: { type: 'string', default: '100' },
        seed: { type: 'string', default: '1' },
        'timeout-ms': { type: 'string', default: '5000' },
        path: { type: 'string', multiple: true, default: ['/'] },
        units: { type: 'string', default: '0' },
        connections: { type: 'string', default: '128' },
        'max-in-flight': { type: 'string', default: '5000' },
        'report-ms': { type: 'string', default: '1000' },
        'for-ms': { type: 'string', default: '0' },
      },
    });
    const number = (name: string, text: string, min: number): number => {
      const value = Number(text);
      if (!(value >= min && value < 2 ** 31))
        throw new TypeError(`${name}: must be a number of at least ${min}`);
      return value;
    };
    const target = canonicalOrigin(values.target ?? '');
    if (target === undefined) throw new TypeError('target: must be an origin, such as http://127.0.0.1:8080');
    return {
      options: {
        target,
        rate: number('rate', values.rate, 0.001),
        seed: number('seed', values.seed, 0),
        timeoutMs: number('timeout-ms', values['timeout-ms'], 1),
        paths: values.path,
        units: number('units', values.units, 0),
        connections: number('connections', values.connections, 1),
        maxInFlight: number('max-in-flight', values['max-in-flight'], 1),
      },
      reportMs: number('report-ms', values['report-ms'], 10),
      forMs: number('for-ms', values['for-ms'], 0),
    };
  } catch (error) {
    exitOverUsage(error);
  }
}

main();
