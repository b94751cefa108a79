/** What a role keeps on disk: where it stands on each emitter, and what an attestor has signed. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Cursor, Write } from '@omnimargin/chains/emitter'
import type { Hex } from '@omnimargin/core/bytes'
import { type Fields, type Key, ZERO_DIGEST } from '@omnimargin/core/record'
import { z } from 'zod'
import { jsonOf } from './json.ts'
import type { Statement } from './statement.ts'

export const START: Cursor = { blockNumber: 0n, blockHash: ZERO_DIGEST, digest: ZERO_DIGEST }

/** Raised when an attestor is about to contradict what it signed before. Nothing can cure it. */
export class SignedBefore extends Error {
  readonly retry = false

  constructor(statement: Statement, before: string) {
    const { chainId, emitter, blockNumber } = statement
    super(
      `Signed ${before} for block ${blockNumber} of ${emitter} on chain ${chainId} before; refusing to sign another.`,
    )
    this.name = 'SignedBefore'
  }
}

export type Store = {
  readonly cursorOf: (chainId: number, emitter: Hex) => Cursor
  readonly writesOf: (chainId: number, emitter: Hex) => Write[]
  /** Takes in a checkpoint's writes and moves the cursor, both or neither. */
  readonly advance: (chainId: number, emitter: Hex, writes: readonly Write[], cursor: Cursor) => void
  /** Notes, on disk before it returns, that a statement is about to be signed. Throws SignedBefore if another was. */
  readonly signOnce: (statement: Statement, hash: Hex) => void
  readonly close: () => void
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS cursors (
    chain_id INTEGER, emitter TEXT, block_number TEXT NOT NULL, block_hash TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (chain_id, emitter)) STRICT;
  CREATE TABLE IF NOT EXISTS records (
    chain_id INTEGER, emitter TEXT, hash TEXT, record TEXT NOT NULL,
    PRIMARY KEY (chain_id, emitter, hash)) STRICT;
  CREATE TABLE IF NOT EXISTS signed (
    chain_id TEXT, emitter TEXT, block_number TEXT, statement TEXT NOT NULL,
    PRIMARY KEY (chain_id, emitter, block_number)) STRICT;`

/** Opens the role's database in its folder, making both where they are missing. */
export function openStore(folder: string): Store {
  mkdirSync(folder, { recursive: true })
  const db = new DatabaseSync(join(folder, 'store.sqlite'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;')
  db.exec(SCHEMA)
  return { ...progress(db), signOnce: signOnce(db), close: () => db.close() }
}

function progress(db: DatabaseSync): Pick<Store, 'cursorOf' | 'writesOf' | 'advance'> {
  const cursor = db.prepare('SELECT block_number, block_hash, digest FROM cursors WHERE chain_id = ? AND emitter = ?')
  const records = db.prepare('SELECT record FROM records WHERE chain_id = ? AND emitter = ?')
  const putRecord = db.prepare('INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)')
  const putCursor = db.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)')
  return {
    cursorOf: (chainId, emitter) => {
      const row = cursor.get(chainId, emitter)
      if (!row) return START
      const { block_number, block_hash, digest } = z.record(z.string(), z.string()).parse({ ...row })
      return { blockNumber: BigInt(block_number ?? 0), blockHash: block_hash as Hex, digest: digest as Hex }
    },
    writesOf: (chainId, emitter) => records.all(chainId, emitter).map(({ record }) => parseWrite(String(record))),
    advance: (chainId, emitter, writes, { blockNumber, blockHash, digest }) => {
      db.exec('BEGIN IMMEDIATE')
      try {
        for (const write of writes) putRecord.run(chainId, emitter, write.hash, formatWrite(write))
        putCursor.run(chainId, emitter, `${blockNumber}`, blockHash, digest)
        db.exec('COMMIT')
      } catch (cause) {
        db.exec('ROLLBACK')
        throw cause
      }
    },
  }
}

function signOnce(db: DatabaseSync): Store['signOnce'] {
  const insert = db.prepare('INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?)')
  const select = db.prepare('SELECT statement FROM signed WHERE chain_id = ? AND emitter = ? AND block_number = ?')
  return (statement, hash) => {
    const place = [`${statement.chainId}`, statement.emitter.toLowerCase(), `${statement.blockNumber}`] as const
    insert.run(...place, hash)
    const before = String(select.get(...place)?.statement)
    if (before !== hash) throw new SignedBefore(statement, before)
  }
}

function formatWrite({ key, hash, fields }: Write): string {
  return jsonOf({ key, hash, fields })
}

function parseWrite(text: string): Write {
  const { key, hash, fields } = JSON.parse(text) as { key: Record<keyof Key, string>; hash: Hex; fields: string[] }
  const chains = { writerChain: BigInt(key.writerChain), readerChain: BigInt(key.readerChain) }
  return { key: { ...key, ...chains } as unknown as Key, hash, fields: fields.map(BigInt) as unknown as Fields }
}
