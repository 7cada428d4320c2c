import type { RowFigures } from './balancing/measure.ts';
import { table as balancingTable } from './balancing/table.ts';
import { markdown, type Report } from './lib/report.ts';
import type { Row } from './proxy/measure.ts';
import { table as proxyTable } from './proxy/table.ts';

/** A story of the bench: a program of its own, that prints its result as JSON with `--json`. */
export interface Entry {
  readonly name: string;
  readonly about: string;
  /** Beside this file. */
  readonly file: string;
  readonly flags: readonly string[];
  /** The JSON as Markdown. */
  render(json: unknown): string;
}

const report = (json: unknown): string => markdown(json as Report);

export const stories: readonly Entry[] = [
  {
    name: 'decide',
    about: 'one decision beside flag tools, experiments and breakers; heap over ten million',
    file: './decide/main.ts',
    flags: ['--expose-gc'],
    render: report,
  },
  {
    name: 'http',
    about: 'decide and feedback over HTTP beside a bare server',
    file: './http/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'sync',
    about: 'what 1,000 and 10,000 children cost a region',
    file: './sync/main.ts',
    flags: ['--expose-gc', '--max-old-space-size=4096'],
    render: report,
  },
  {
    name: 'kill',
    about: 'a kill through 1,000 nodes, to the last acknowledgement',
    file: './kill/main.ts',
    flags: ['--max-old-space-size=4096'],
    render: report,
  },
  {
    name: 'isolation',
    about: 'a decision while the node syncs, flushes and recomputes',
    file: './isolation/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'start',
    about: 'from the command to the first decision',
    file: './start/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'storage',
    about: 'durable commits beside the engine and the disk',
    file: './storage/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'features',
    about: 'features in a decision, events a second, from an event to what it shows, memory',
    file: './features/main.ts',
    flags: ['--expose-gc'],
    render: report,
  },
  {
    name: 'ope',
    about: 'off-policy evaluation of millions of decisions beside plain SQL; the log’s own pace',
    file: './ope/main.ts',
    flags: ['--max-old-space-size=4096'],
    render: report,
  },
  {
    name: 'contextual',
    about: 'a pick by a linear model, what it learns, and what is kept of it',
    file: './contextual/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'regret',
    about: 'what learning costs, beside published rules, and on real tables',
    file: './regret/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'tiers',
    about: 'what an hour of lag costs a tree that learns together',
    file: './tiers/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'rl',
    about:
      'decisions that change what comes next, beside published algorithms and the exact optimum; the safety net',
    file: './rl/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'experiments',
    about: 'whether experiments may be believed, and what a thousand of them cost a decision',
    file: './experiments/main.ts',
    flags: [],
    render: report,
  },
  {
    name: 'balancing',
    about: 'load balancing as a simulation, beside the usual rules and an oracle',
    file: './balancing/main.ts',
    flags: [],
    render: (json) => balancingTable((json as { rows: RowFigures[] }).rows),
  },
  {
    name: 'proxy',
    about: 'the proxy beside HAProxy and Node’s own',
    file: './proxy/main.ts',
    flags: [],
    render: (json) => proxyTable((json as { rows: Row[] }).rows),
  },
];
