import { join, normalize } from 'node:path/posix'
import { lineAt, readSources, type Source } from './sources.ts'

/** What a workspace may import beside its own files and the packages in its package.json. Lower ones come first. */
const siblings: Record<string, string[]> = {
  core: [],
  risk: ['core'],
  chains: ['core'],
  service: ['core', 'risk', 'chains'],
  cli: ['core', 'risk', 'chains', 'service'],
}
const onlyPackageOfCore = '@noble/hashes'
/** Functions of their arguments, with no packages but that one. */
const pure = ['core', 'risk']
const packagesOfTests = ['fast-check']
/** What would make them depend on anything else. */
const impure = /\b(?:async|await|Promise|Date|process|console|parseFloat|Math\.(?!min\b|max\b)\w+)\b|\b\d+\.\d+\b/g
/** Estimators count in doubles, with what every machine rounds alike: + - * / and the square root, no power, no logarithm. */
const inDoubles = 'risk/src/estimate/'
const impureInDoubles =
  /\b(?:async|await|Promise|Date|process|console|parseFloat|Math\.(?!min\b|max\b|sqrt\b)\w+)\b|\bMath\s*\[|\*\*/g

/** Imports point down only, and what is pure is a function of its arguments. */
export function imports(): string[] {
  const workspaces = Object.keys(siblings).flatMap((workspace) => {
    const allowed = packagesOf(workspace)
    return ['src', 'test'].flatMap((folder) =>
      readSources(`${workspace}/${folder}/**/*.ts`).flatMap((source) =>
        wrongImports(source, workspace, folder, allowed),
      ),
    )
  })
  const sources = pure.flatMap((workspace) => readSources(`${workspace}/src/**/*.ts`))
  return [...workspaces, ...sources.flatMap(impurities), ...contracts()]
}

function packagesOf(workspace: string): string[] {
  const [manifest] = readSources(`${workspace}/package.json`)
  if (!manifest) throw new Error(`${workspace}/package.json is missing.`)
  return Object.keys(JSON.parse(manifest.text).dependencies ?? {})
}

function wrongImports({ path, text }: Source, workspace: string, folder: string, packages: string[]): string[] {
  const isTest = folder === 'test'
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].flatMap((match) => {
    const name = match[1] ?? ''
    const remedy = refusal(name)
    return remedy ? [`${path}:${lineAt(text, match.index)} imports '${name}': ${remedy}`] : []
  })

  function refusal(name: string): string | undefined {
    if (name.startsWith('.')) {
      const target = normalize(join(path, '..', name))
      const home = isTest ? `${workspace}/` : `${workspace}/src/`
      return target.startsWith(home) ? undefined : `it lies outside ${home}; name the workspace, '@omnimargin/...'.`
    }
    if (name.startsWith('node:')) {
      return pure.includes(workspace) && !isTest ? `${workspace} does no I/O; pass it what it needs.` : undefined
    }
    const sibling = /^@omnimargin\/([^/]+)/.exec(name)?.[1]
    if (sibling) {
      const below = siblings[workspace] ?? []
      return below.includes(sibling) || (isTest && sibling === workspace)
        ? undefined
        : `${workspace} may import ${below.join(', ') || 'no other workspace'}.`
    }
    if (isTest && packagesOfTests.includes(name)) return undefined
    const bare = name.split('/', name.startsWith('@') ? 2 : 1).join('/')
    if (pure.includes(workspace) && !isTest && bare !== onlyPackageOfCore) {
      return `of packages, ${workspace} may use ${onlyPackageOfCore} alone.`
    }
    return packages.includes(bare) ? undefined : `add it to ${workspace}/package.json, or do without.`
  }
}

function impurities({ path, text }: Source): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, (part) =>
    part.replace(/[^\n]/g, ' '),
  )
  const isInDoubles = path.startsWith(inDoubles)
  const remedy = isInDoubles
    ? 'and take logarithms and powers of estimate/elementary.ts: an engine’s own may differ in the last bit.'
    : 'and count in bigint.'
  return [...code.matchAll(isInDoubles ? impureInDoubles : impure)].map(
    ({ 0: word, index }) =>
      `${path}:${lineAt(code, index)} uses ${word}: take time, chance and I/O as arguments here, ${remedy}`,
  )
}

function contracts(): string[] {
  return readSources('contracts/src/**/*.sol').flatMap(({ path, text }) =>
    [...text.matchAll(/^import\b[^;]*["']([^"']*(?:\/test\/|\/devnet\/|forge-std\/)[^"']*)["']/gm)].map(
      ({ 1: name, index }) => `${path}:${lineAt(text, index)} imports ${name}: move what it needs into contracts/src.`,
    ),
  )
}
