import type { Tables } from '@ganglion/adapters/parquet';
import { type CompiledPoint, featureReplay, type LoggedDecision, type LoggedFeature } from '@ganglion/core';
import type { Joined } from './as-of.ts';
import type { NodeEvents } from './event-file.ts';

export interface Recomputed extends Joined {
  /** Values that the decisions had frozen, and those of them that the events give as well. */
  readonly frozen: number;
  readonly agreed: number;
}

/**
 * The features of a point for every decision, from the events of the nodes, by the code that nodes run: an event moves
 * what is seen from the moment its node knew of it, and none before. Needs the table `decision`; makes `joined`, by field
 * of the context. Decisions of a node see what that node heard; where the decisions do not say by whom, all events count.
 */
export async function recompute(
  tables: Tables,
  point: CompiledPoint,
  nodes: readonly NodeEvents[],
): Promise<Recomputed> {
  const decisions = await readDecisions(tables);
  const fields = point.fields.flatMap(({ name, feature }) => (feature === undefined ? [] : [name]));
  const rows: (number | string | null)[][] = [[], [], [], [], []];
  const counted = new Map(fields.map((feature) => [feature, { feature, found: 0, missing: 0, late: 0 }]));
  let frozen = 0;
  let agreed = 0;
  for (const mine of byNode(decisions, nodes)) {
    const replay = featureReplay(point);
    let next = 0;
    for (const { row, atMs, unit, context, features } of mine.decisions) {
      for (; next < mine.events.length && mine.events[next].knownMs <= atMs; next++)
        replay.take(mine.events[next]);
      const seen = replay.see(unit, asGiven(point, context, features), atMs);
      for (const field of fields) {
        const value = seen.values[field];
        const { source, eventAtMs, knownAtMs } = seen.features[field];
        const count = counted.get(field)!;
        if (source === 'missing') count.missing++;
        else count.found++;
        const cells = [row, field, value === undefined ? null : String(value), eventAtMs, knownAtMs];
        for (const [column, cell] of cells.entries()) rows[column].push(cell);
        if (features?.[field]?.source !== 'events') continue;
        frozen++;
        if (context[field] === value) agreed++;
      }
    }
  }
  await tables.run(
    'CREATE OR REPLACE TABLE joined (row_ BIGINT, feature VARCHAR, value VARCHAR, event_ms DOUBLE, known_ms DOUBLE)',
  );
  // The engine takes whole numbers of 64 bits as such.
  await tables.append('joined', [rows[0].map((row) => BigInt(row as number)) as never, ...rows.slice(1)]);
  return { decisions: decisions.length, features: [...counted.values()], frozen, agreed };
}

interface Decision {
  readonly row: number;
  readonly id: string;
  readonly atMs: number;
  readonly unit: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly features: LoggedDecision['features'];
}

/** In the order of their times. */
async function readDecisions(tables: Tables): Promise<Decision[]> {
  const { column_name: names } = await tables.columns('DESCRIBE decision');
  const has = (name: string): string =>
    (names as string[]).includes(name) ? `${name}::VARCHAR AS ${name}` : `NULL::VARCHAR AS ${name}`;
  const columns = await tables.columns(
    `SELECT row_, at_, key_, ${has('id')}, ${has('unit')}, ${has('context')}, ${has('features')} FROM decision ORDER BY row_`,
  );
  return Array.from(columns.row_ as ArrayLike<unknown>, (row, i) => ({
    row: Number(row),
    id: String(columns.id[i] ?? ''),
    atMs: Number(columns.at_[i]),
    unit: String(columns.unit[i] ?? columns.key_[i] ?? ''),
    context: columns.context[i] === null ? {} : JSON.parse(String(columns.context[i])),
    features: columns.features[i] === null ? undefined : JSON.parse(String(columns.features[i])),
  }));
}

/** What a caller gave, and whom it was about; what was shown by features is to be found anew. */
function asGiven(
  { fields, features: sets }: CompiledPoint,
  context: Readonly<Record<string, unknown>>,
  frozen: Readonly<Record<string, LoggedFeature>> | undefined,
): Record<string, unknown> {
  const out = { ...context };
  for (const { name, feature } of fields) {
    if (feature === undefined) continue;
    const { source, entity } = frozen?.[name] ?? {};
    if (source !== 'given') delete out[name];
    const { key } = sets[feature.set];
    if (key !== 'unit' && typeof entity === 'string')
      out[key.context] = entity.slice(entity.indexOf(':') + 1);
  }
  return out;
}

/** Decisions beside the events that their node had; ids begin with the node's name. */
function byNode(decisions: readonly Decision[], nodes: readonly NodeEvents[]) {
  const all = (): NodeEvents['events'] =>
    nodes.flatMap(({ events }) => events).sort((a, b) => a.knownMs - b.knownMs);
  const nameOf = ({ id }: Decision): string => id.slice(0, Math.max(0, id.indexOf('~')));
  // A store is named by its file, which ends in the node's name.
  const of = (name: string): NodeEvents | undefined =>
    nodes.find(({ node }) => node === name || node.endsWith(`-${name}`));
  const groups = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const name = nodes.length > 1 && of(nameOf(decision)) !== undefined ? nameOf(decision) : '';
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [decision]);
    else group.push(decision);
  }
  return [...groups].map(([name, mine]) => ({
    decisions: mine,
    events: name === '' ? all() : of(name)!.events,
  }));
}
