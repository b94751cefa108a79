import { lineAt, readSources } from './sources.ts'

/** A function or constant that is exported is named in another file: one that nobody takes is its file's own. */
export function exports(): string[] {
  const sources = ['{core,risk,chains,service,cli}/{src,test}/**/*.ts', 'scripts/**/*.ts']
    .flatMap(readSources)
    .map((source) => ({ ...source, words: new Set(source.text.match(/\w+/g)) }))
  return sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].flatMap(({ 1: name = '', index }) =>
      sources.some((other) => other.path !== path && other.words.has(name))
        ? []
        : [
            `${path}:${lineAt(text, index)} exports ${name}, which no other file names: do not export it, or delete it.`,
          ],
    ),
  )
}
