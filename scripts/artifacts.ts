// What forge built, in contracts/out, as far as the sources still exist.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const contracts = join(import.meta.dirname, '..', 'contracts')
// forge's own variable, for a build beside the usual one.
const out = resolve(contracts, process.env.FOUNDRY_OUT ?? 'out')

export type Artifact = {
  /** Path of the source, from contracts/. */
  source: string
  name: string
  abi: readonly { type: string }[]
  /** Creation code, 0x-prefixed; '0x' for an interface or an abstract contract. */
  bytecode: string
  /** Size of the code a chain keeps, in bytes. */
  runtimeBytes: number
  /** Names of the libraries to be deployed first, each with the placeholder for its address in the bytecode. */
  libraries: Record<string, string>
}

/** All artifacts in order of name. Throws if there are none. */
export function readArtifacts(): Artifact[] {
  const files = globSync('**/*.sol/*.json', { cwd: out })
  if (files.length === 0) throw new Error(`${out} is empty: run \`npm run build\` first.`)
  return files.flatMap((file) => readArtifact(join(out, file))).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function readArtifact(file: string): Artifact[] {
  const { abi, bytecode, deployedBytecode, metadata } = JSON.parse(readFileSync(file, 'utf8'))
  const [target] = Object.entries<string>(metadata?.settings.compilationTarget ?? {})
  if (!target || !existsSync(join(contracts, target[0]))) return []
  const [source, name] = target
  const runtimeBytes = (deployedBytecode.object.length - 2) / 2
  return [{ source, name, abi, bytecode: bytecode.object, runtimeBytes, libraries: placeholders(bytecode) }]
}

type Links = { object: string; linkReferences: Record<string, Record<string, { start: number; length: number }[]>> }

function placeholders({ object, linkReferences }: Links): Record<string, string> {
  const libraries = Object.values(linkReferences).flatMap((ofFile) => Object.entries(ofFile))
  return Object.fromEntries(
    libraries.map(([name, [first]]) => {
      if (!first) throw new Error(`The compiler lists the library ${name} without a place for its address.`)
      const start = 2 + 2 * first.start
      return [name, object.slice(start, start + 2 * first.length)]
    }),
  )
}
