/**
 * The tables, by version. A migration is never edited once released: a new one is added below it. Each file carries
 * its version in `user_version`, and Ganglion's mark in `application_id` so that no other program's database is
 * ever written to.
 */

import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

/** "GNGL" in ASCII. */
export const APPLICATION_ID = 0x474e474c;

/** Brings a database from the version before to the next. Runs inside a transaction. */
type Migration = (db: DatabaseSync) => void;

const MIGRATIONS: readonly Migration[] = [version1, version2];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * CRC-32 over names and bytes: SQLite's own checks see broken pages, not a value that rotted inside a sound one.
 * Positions are left out: SQLite gives them after the checksum is made.
 */
export function entryChecksum(collection: string, key: string, value: Uint8Array): number {
  return crc32(value, crc32(`${collection}\0${key}`));
}

export function chunkChecksum(journal: string, atMs: number, chunk: Uint8Array): number {
  return crc32(chunk, crc32(`${journal}\0${atMs}`));
}

/** All steps from the file's version to the newest, in one transaction: after a crash it is the old version, whole. */
export function migrate(db: DatabaseSync): void {
  const from = versionOf(db);
  if (from >= SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of MIGRATIONS.slice(from)) step(db);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

export function versionOf(db: DatabaseSync): number {
  return pragmaNumber(db, 'user_version');
}

export function pragmaNumber(db: DatabaseSync, name: string): number {
  return Number(firstValue(db, `PRAGMA ${name}`));
}

/** The first column of the first row. */
export function firstValue(db: DatabaseSync, sql: string): unknown {
  return Object.values(db.prepare(sql).get() ?? {})[0];
}

/** AUTOINCREMENT: a position is never given twice, not even after a trim of everything. */
function version1(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE entry (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value BLOB NOT NULL,
      UNIQUE (collection, key)
    ) STRICT;
    CREATE TABLE chunk (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      journal TEXT NOT NULL,
      at_ms REAL NOT NULL,
      chunk BLOB NOT NULL
    ) STRICT;
    CREATE INDEX chunk_in_journal ON chunk (journal, position, at_ms);
  `);
}

/** Checksums, and a row to overwrite the log with after a failed flush (see engine.ts). */
function version2(db: DatabaseSync): void {
  db.function('entry_checksum', { deterministic: true }, (collection, key, value) =>
    entryChecksum(String(collection), String(key), value as Uint8Array),
  );
  db.function('chunk_checksum', { deterministic: true }, (journal, atMs, chunk) =>
    chunkChecksum(String(journal), Number(atMs), chunk as Uint8Array),
  );
  db.exec(`
    ALTER TABLE entry ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chunk ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    UPDATE entry SET checksum = entry_checksum(collection, key, value);
    UPDATE chunk SET checksum = chunk_checksum(journal, at_ms, chunk);
    CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT INTO counter VALUES ('repairs', 0);
  `);
}
