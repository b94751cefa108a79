import { lineAt, readSources, type Source } from './sources.ts'

const linesMax = 600
const functionLinesMax = 70
const drawers = /(?:^|\/)(?:utils?|helpers?|common|misc)(?:[./]|$)/i

type Rule = { files: RegExp; found: RegExp; remedy: string }

/** What neither the compiler nor the linter says. This file names what it forbids, so it is not read. */
const rules: Rule[] = [
  { files: /\.(?:ts|mjs|sol)$/, found: /\b(?:TODO|FIXME|XXX)\b/g, remedy: 'do it, or delete the remark.' },
  { files: /\.ts$/, found: /\bas any\b|@ts-(?:ignore|nocheck)/g, remedy: 'give it its type.' },
  { files: /\.ts$/, found: /\b(?:test|it|describe)\.(?:only|skip|todo)\b/g, remedy: 'every test runs.' },
  { files: /\.sol$/, found: /\bvm\.skip\(/g, remedy: 'every test runs.' },
  {
    files: /./,
    found: /(?:^|[\s"'`(=])\/(?:work|root|home|tmp|Users)\/\w/gm,
    remedy: 'a path of one machine; make it relative.',
  },
  {
    files: /./,
    found: /\bregistry\.[\w-]+\.\w+|"resolved": "https?:/g,
    remedy: 'name no package registry; npm knows its own.',
  },
]

/** File names, sizes and phrases that the project does without. */
export function words(): string[] {
  const text = /(?:\.(?:ts|mjs|sol|md|json|toml|sql)|^\.ci\/run|\/tools\/solc|\.npmrc)$/
  return ['**/*', '.ci/*', '.npmrc']
    .flatMap(readSources)
    .filter(({ path }) => text.test(path) && path !== 'scripts/check/words.ts')
    .flatMap((source) => [...names(source), ...lengths(source), ...phrases(source)])
}

function names({ path }: Source): string[] {
  return drawers.test(path) ? [`${path} is a drawer for anything: name it after the one thing in it.`] : []
}

function lengths({ path, text }: Source): string[] {
  if (!/\.(?:ts|mjs|sol)$/.test(path)) return []
  const lines = text.split('\n').length
  const tooLong = lines > linesMax ? [`${path} has ${lines} lines, the limit is ${linesMax}: split it by noun.`] : []
  return path.endsWith('.sol') ? [...tooLong, ...longFunctions({ path, text })] : tooLong
}

/** Functions of a formatted contract; the linter measures those in TypeScript. */
function longFunctions({ path, text }: Source): string[] {
  return [...text.matchAll(/^( *)(?:function (\w+)|constructor).*?^\1\}/gms)].flatMap(({ 0: body, 2: name, index }) => {
    const lines = body.split('\n').length
    const what = `${path}:${lineAt(text, index)} ${name ?? 'constructor'}`
    return lines > functionLinesMax
      ? [`${what} has ${lines} lines, the limit is ${functionLinesMax}: split it by step.`]
      : []
  })
}

function phrases({ path, text }: Source): string[] {
  return rules
    .filter(({ files }) => files.test(path))
    .flatMap(({ found, remedy }) =>
      [...text.matchAll(found)].map(
        ({ 0: phrase, index }) => `${path}:${lineAt(text, index)} says '${phrase.trim()}': ${remedy}`,
      ),
    )
}
