import { lineAt, readSources } from './sources.ts'

type Mention = { id: string; place: string; opensTitle: boolean }

/** Every requirement of spec/ is proven by a test that carries its id, and no test carries an id that is not there. */
export function specs(): string[] {
  const required = readSources('spec/*.md').flatMap(({ path, text }) =>
    [...text.matchAll(/\*\*([A-Z]+-\d+)\*\*/g)].map(({ 1: id = '', index }) => ({
      id,
      place: `${path}:${lineAt(text, index)}`,
    })),
  )
  const known = new Set(required.map(({ id }) => id))
  const families = new Set([...known].map(familyOf))
  const mentions = [...titlesInContracts(), ...titlesInWorkspaces()]
  const proven = new Set(mentions.map(({ id }) => id))

  const unproven = required
    .filter(({ id }) => !proven.has(id))
    .map(
      ({ id, place }) => `${place} ${id} has no test: put the id at the start of the title of the test that proves it.`,
    )
  // A title may speak of ERC-20; it is a requirement's id where it opens the title or is of a family in spec/.
  const unknown = mentions
    .filter(({ id, opensTitle }) => !known.has(id) && (opensTitle || families.has(familyOf(id))))
    .map(({ id, place }) => `${place} names ${id}, which is not in spec/: correct the id, or write the requirement.`)
  const twice = required
    .filter(({ id }, i) => required.findIndex((other) => other.id === id) < i)
    .map(({ id, place }) => `${place} defines ${id} a second time: give one of the two another number.`)
  return [...twice, ...unproven, ...unknown]
}

function familyOf(id: string): string {
  return id.slice(0, id.indexOf('-'))
}

function titlesInContracts(): Mention[] {
  return readSources('contracts/test/**/*.sol').flatMap(({ path, text }) =>
    [...text.matchAll(/\bfunction ((?:test|invariant)\w*)/g)].flatMap(({ 1: title = '', index }) =>
      [...title.matchAll(/(?<![A-Za-z])([A-Z]+)_(\d+)(?!\d)/g)].map(({ 1: family, 2: number, index: at }) => ({
        id: `${family}-${number}`,
        place: `${path}:${lineAt(text, index)}`,
        opensTitle: /^[a-zA-Z]+_$/.test(title.slice(0, at)),
      })),
    ),
  )
}

function titlesInWorkspaces(): Mention[] {
  return readSources('{core,risk,chains,service,cli}/test/**/*.test.ts').flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:test|it|describe)\(\s*(['"`])(.*?)\1/g)].flatMap(({ 2: title = '', index }) =>
      [...title.matchAll(/\b[A-Z]+-\d+\b/g)].map(({ 0: id, index: at }) => ({
        id,
        place: `${path}:${lineAt(text, index)}`,
        opensTitle: at === 0,
      })),
    ),
  )
}
