/**
 * Tables on disk, Parquet and CSV alike, read and written a column at a time: DuckDB in this process. It is an optional
 * peer (`@duckdb/node-api`); its engine comes as a native package of the platform, and nothing is fetched at run time.
 */

import { GanglionError, isGanglionError } from '@ganglion/core';

/** A column: numbers (NaN where there is none), or texts. */
export type Column = Float64Array | (string | null)[];

export interface Tables {
  /** Runs a statement for its effect. @throws GanglionError as `columns` does */
  run(sql: string): Promise<void>;
  /**
   * The result of a query by column name. Numbers and booleans come as numbers; all else as text.
   *
   * @param onRows - told how many rows have been read, for progress
   * @throws GanglionError `invalid_input`: a file that is missing, truncated or no table, a column that is not there, a
   * value that is not what its column holds; `storage_failed`, `storage_full`
   */
  columns(sql: string, onRows?: (rows: number) => void): Promise<Readonly<Record<string, Column>>>;
  /** Adds rows to a table of the database, columns in its order. */
  append(table: string, columns: readonly (readonly (string | number | boolean | null)[])[]): Promise<void>;
  close(): void;
}

export interface TablesOptions {
  /** Threads of the engine; default: as many as the machine has. */
  readonly threads?: number | undefined;
  /** Memory the engine may take before it spills to disk, MiB; default: its own, four fifths of the machine's. */
  readonly memoryMiB?: number | undefined;
}

/** As a value, so that this compiles where the optional peer is not installed. */
const PEER: string = '@duckdb/node-api';

/** Opens an empty database for some work, and closes it whatever comes of that. @throws as `openTables` */
export async function withTables<T>(
  work: (tables: Tables) => Promise<T>,
  options?: TablesOptions,
): Promise<T> {
  const tables = await openTables(options);
  try {
    return await work(tables);
  } finally {
    tables.close();
  }
}

/** Opens an empty database in memory, in UTC. @throws GanglionError `unsupported` where the peer is not installed */
export async function openTables(options: TablesOptions = {}): Promise<Tables> {
  const duckdb: DuckDb = await import(PEER).catch((cause: unknown) => {
    throw new GanglionError('unsupported', 'Parquet and CSV need @duckdb/node-api, which is not installed', {
      mend: 'Install it with optional dependencies: npm install @duckdb/node-api',
      cause,
    });
  });
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    // Nothing is fetched: what this reads is built in.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.memoryMiB === undefined ? {} : { memory_limit: `${options.memoryMiB}MiB` }),
  });
  const tables = tablesOn(duckdb, instance, await instance.connect());
  // Times without a zone are UTC, wherever the machine stands: what a file says must not depend on who reads it.
  await tables.run("SET TimeZone = 'UTC'");
  return tables;
}

/** A text as SQL writes it. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL writes it. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What is used of the peer. */
interface DuckDb {
  readonly DuckDBInstance: { create(path: string, options: Record<string, string>): Promise<Instance> };
  readonly DuckDBDataChunk: { create(types: readonly unknown[], rows: number): Chunk };
}
interface Instance {
  connect(): Promise<Connection>;
  closeSync(): void;
}
interface Connection {
  run(sql: string): Promise<unknown>;
  stream(sql: string): Promise<Result>;
  createAppender(table: string): Promise<Appender>;
  closeSync(): void;
}
interface Appender {
  columnType(column: number): unknown;
  appendDataChunk(chunk: Chunk): void;
  closeSync(): void;
}
interface Result {
  columnNames(): string[];
  columnTypes(): readonly unknown[];
  fetchChunk(): Promise<Chunk | null>;
}
interface Chunk {
  readonly rowCount: number;
  getColumnVector(column: number): Vector;
  setColumnValues(column: number, values: readonly unknown[]): void;
}
interface Vector {
  getItem(row: number): unknown;
}

function tablesOn(duckdb: DuckDb, instance: Instance, connection: Connection): Tables {
  return {
    async run(sql) {
      await connection.run(sql).catch(refuse);
    },
    async columns(sql, onRows) {
      const result = await connection.stream(sql).catch(refuse);
      return await read(result, onRows).catch(refuse);
    },
    async append(table, columns) {
      const appender = await connection.createAppender(table).catch(refuse);
      try {
        const types = columns.map((_, i) => appender.columnType(i));
        const rows = columns[0]?.length ?? 0;
        for (let from = 0; from < rows; from += CHUNK_ROWS) {
          const chunk = duckdb.DuckDBDataChunk.create(types, Math.min(CHUNK_ROWS, rows - from));
          columns.forEach((values, i) => {
            chunk.setColumnValues(i, values.slice(from, from + CHUNK_ROWS));
          });
          appender.appendDataChunk(chunk);
        }
      } finally {
        appender.closeSync();
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Rows of a vector, as the engine has them. */
const CHUNK_ROWS = 2048;

async function read(result: Result, onRows: ((rows: number) => void) | undefined) {
  const names = result.columnNames();
  const numeric = result.columnTypes().map((type) => NUMERIC.test(String(type)));
  const parts = names.map((): Column[] => []);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const n = chunk.rowCount;
    names.forEach((_, i) => {
      const vector = chunk.getColumnVector(i);
      parts[i].push(numeric[i] ? numbers(vector, n) : texts(vector, n));
    });
    rows += n;
    onRows?.(rows);
  }
  return Object.fromEntries(names.map((name, i) => [name, joined(parts[i], numeric[i], rows)]));
}

const NUMERIC = /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE)$/;

function numbers(vector: Vector, n: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const value = vector.getItem(i);
    out[i] = value === null ? Number.NaN : Number(value);
  }
  return out;
}

function texts(vector: Vector, n: number): (string | null)[] {
  return Array.from({ length: n }, (_, i) => {
    const value = vector.getItem(i);
    return value === null ? null : String(value);
  });
}

function joined(parts: readonly Column[], numeric: boolean, rows: number): Column {
  if (numeric) {
    const out = new Float64Array(rows);
    let at = 0;
    for (const each of parts as Float64Array[]) {
      out.set(each, at);
      at += each.length;
    }
    return out;
  }
  return (parts as (string | null)[][]).flat();
}

/** The engine's errors begin with their kind. */
function refuse(cause: unknown): never {
  if (isGanglionError(cause)) throw cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const [first] = message.split('\n');
  if (/no space left|max_temp_directory_size/i.test(message))
    throw new GanglionError('storage_full', first, {
      mend: 'Free some space, or give another folder.',
      cause,
    });
  if (/permission denied|read-only/i.test(message))
    throw new GanglionError('storage_failed', first, {
      mend: 'Give a folder that may be written to.',
      cause,
    });
  throw new GanglionError('invalid_input', told(message), { mend: mendOf(message), cause });
}

/** What went wrong, and in which line of which file where the engine says so. */
function told(message: string): string {
  const lines = message.split('\n').map((line) => line.trim());
  const where = lines.filter((line) =>
    /^(Original Line|CSV Error on Line|Possible Solution|Line:)/i.test(line),
  );
  return [
    lines[0].replace(/^(Invalid Input|IO|Binder|Conversion|Catalog|Parser) Error: /, ''),
    ...where.slice(0, 2),
  ]
    .join(' · ')
    .slice(0, 400);
}

function mendOf(message: string): string {
  if (/No files found/i.test(message)) return 'Give the path of a file that is there.';
  if (/not found in FROM|Referenced column/i.test(message)) return 'Name a column that the file has.';
  if (
    /too small to be a Parquet|No magic bytes|Parquet.*(corrupt|truncat)|metadata|Snappy|ZSTD/i.test(message)
  )
    return 'The file is truncated or no Parquet file: write it again, or leave it out.';
  return 'Mend the file, or give another.';
}
