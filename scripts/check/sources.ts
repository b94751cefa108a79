import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const foreign = new Set(['.git', 'node_modules', 'out', 'cache'])
const generated = new Set(['chains/src/abi.ts'])

export type Source = { path: string; text: string }

/** The project's own files that match, with `/` paths from its root, in order. */
export function readSources(pattern: string): Source[] {
  return globSync(pattern, { cwd: root, withFileTypes: true, exclude: (entry) => foreign.has(entry.name) })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file.slice(root.length + 1), file }))
    .filter(({ path }) => !generated.has(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, file }) => ({ path, text: readFileSync(file, 'utf8') }))
}

/** Number of the line at an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
