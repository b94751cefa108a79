/** Reading a JSON file that a person wrote: strict, and with errors that name the place and the cure. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'

/** The file is not what it must be. Asking again does not help; editing the named line does. */
export class ConfigError extends Error {
  readonly retry = false

  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

/** Of faults, as many are told as a screen has lines for. */
const MOST_FAULTS = 20

/**
 * The file's content, checked against the schema. Throws ConfigError with its faults, one a line, and how many more there are; of
 * a file that is not there, or no JSON at all, with the schema's description, which says where such files come from.
 */
export function readConfig<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  const text = readText(file, schema.description)
  const result = schema.safeParse(parseJson(file, text, schema.description))
  if (result.success) return result.data
  const { issues } = result.error
  const faults = issues.slice(0, MOST_FAULTS).map((issue) => {
    const path = issue.path.map(String)
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : []
    const line = lineOf(text, [...path, ...unknown.slice(0, 1)])
    return `${file}:${line} ${path.join('.') || '(the file)'}: ${cureOf(issue, unknown)}`
  })
  const more = issues.length > MOST_FAULTS ? [`${file}: and ${issues.length - MOST_FAULTS} more.`] : []
  throw new ConfigError([...new Set([...faults, ...more])].join('\n'))
}

function cureOf(issue: z.core.$ZodIssue, unknown: readonly string[]): string {
  // Of a name that its own schema refuses, what that says.
  const message = (issue.code === 'invalid_key' && issue.issues[0]?.message) || issue.message
  if (unknown.length > 0) return `unknown field ${unknown.map((name) => `"${name}"`).join(', ')}: remove or correct it.`
  if (message.endsWith('received undefined')) return `is missing: add it (${message}).`
  if (message.endsWith('expected string, received number')) return 'is a number: put it in quotes.'
  return `${message.replace(/\.$/, '')}.`
}

function readText(file: string, origin: string | undefined): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const cure = origin ?? 'name a file that is there'
    throw new ConfigError(`${file}: cannot be read (${cause instanceof Error ? cause.message : cause}): ${cure}.`)
  }
}

function parseJson(file: string, text: string, origin: string | undefined): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const position = Number(/position (\d+)/.exec(String(cause))?.[1] ?? 0)
    const line = text.slice(0, position).split('\n').length
    const why = cause instanceof Error ? cause.message : `${cause}`
    const cure = origin === undefined ? '' : `: ${origin}`
    throw new ConfigError(`${file}:${line} is not JSON (${why.replace(/\s+/g, ' ')})${cure}.`)
  }
}

/** The line of a path's last part that is in the text, each searched for after the one before. */
function lineOf(text: string, path: readonly string[]): number {
  let position = 0
  for (const part of path) {
    const found = /^\d+$/.test(part) ? elementAt(text, position, Number(part)) : text.indexOf(`"${part}"`, position)
    if (found >= 0) position = found
  }
  return text.slice(0, position).split('\n').length
}

/** Where the element of the next array begins, or -1. Strings are skipped whole; brackets inside elements are counted. */
function elementAt(text: string, from: number, index: number): number {
  let [depth, passed] = [0, 0]
  for (const { 0: token, index: at } of text.slice(from).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]|[^\s[\]{},"]+/g)) {
    if (depth === 1 && passed === index && !/^[\],]/.test(token)) return from + at
    if (/^[[{]/.test(token) && (depth > 0 || token === '[')) depth += 1
    if (/^[\]}]/.test(token)) depth -= 1
    if (depth === 1 && token === ',') passed += 1
  }
  return -1
}
