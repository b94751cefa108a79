/** Tables and prose no wider than the terminal they are for. */
import Table from 'cli-table3'

export type Cell = string | number

/** The library would color by what it finds in the environment: whether there are colors, the screen knows. */
const NO_STYLE = { head: [], border: [] }
/** No lines between rows. */
const CHARS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
/** What a column has beside its text, and the last border. */
const FRAME = 3
const EDGE = 1
/** What is narrower does not wrap: it would be a column of single words. */
const NARROW = 16
const GLUE = '\u00a0'
/** The space before a unit, where nothing breaks: 0.100 %, 20 s. */
const BEFORE_UNIT = /(?<=\d) (?=(?:%|s|min|h|bp|USD)(?![\p{L}\d]))/gu

/**
 * Cells wrap at spaces, those of the widest column first, until the table fits. Columns that do not fit even so follow
 * in tables of their own, each with the first column before it. The head is painted once it fits.
 */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  columns: number,
  paint: (text: string) => string,
): string {
  const all = [head, ...rows].map((row) => row.map((cell) => glued(`${cell}`)))
  const widest = (i: number, separator: string | RegExp) =>
    Math.max(...all.map((row) => longest((row[i] ?? '').split(separator))))
  const natural = head.map((_, i) => widest(i, '\n'))
  const least = natural.map((width, i) => Math.max(widest(i, /[ \n]+/), Math.min(width, NARROW)))
  const tables = partsOf(least, columns).map((part) => {
    const widths = shrunk(
      part.map((i) => natural[i] ?? 0),
      part.map((i) => least[i] ?? 0),
      columns,
    )
    const [top = [], ...rest] = all.map((row) => part.map((i, k) => wrap(row[i] ?? '', widths[k] ?? 0)))
    const table = new Table({ head: top.map(paint), style: NO_STYLE, chars: CHARS })
    table.push(...rest)
    return `${table}`
  })
  return tables.join('\n')
}

/** Breaks lines at spaces, but not before a unit; a word that is longer than the width stays whole. */
export function wrap(text: string, width: number): string {
  const lines = glued(text)
    .split('\n')
    .map((line) => {
      if (lengthOf(line) <= width) return line
      return line.replace(new RegExp(`(.{1,${width}})(?: +|$)`, 'gu'), '$1\n').trimEnd()
    })
  return lines.join('\n').replaceAll(GLUE, ' ')
}

function glued(text: string): string {
  return text.replace(BEFORE_UNIT, GLUE)
}

function lengthOf(text: string): number {
  return [...text].length
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(lengthOf))
}

function widthOf(widths: readonly number[]): number {
  return widths.reduce((total, width) => total + width + FRAME, EDGE)
}

/** The columns of each table, by their places. */
function partsOf(least: readonly number[], columns: number): number[][] {
  const parts: number[][] = []
  for (const i of least.keys()) {
    const last = parts.at(-1)
    const isRoomy = last && widthOf([...last, i].map((place) => least[place] ?? 0)) <= columns
    if (isRoomy || last?.length === 1) last.push(i)
    else parts.push(last ? [0, i] : [i])
  }
  return parts
}

function shrunk(natural: readonly number[], least: readonly number[], columns: number): number[] {
  const widths = [...natural]
  while (widthOf(widths) > columns) {
    const spare = widths.map((width, i) => (width > (least[i] ?? 0) ? width : 0))
    const widest = spare.indexOf(Math.max(...spare))
    if (spare[widest] === 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}
