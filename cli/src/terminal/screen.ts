/** What the story looks like: chapters, tables, and one live line while something is awaited. */
import { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import { type Cell, tableOf, wrap } from './table.ts'

export type Screen = {
  readonly chapter: (title: string) => void
  readonly say: (line: string) => void
  /** Paragraphs to be read: no wider than a page even where there is no terminal. */
  readonly prose: (...paragraphs: string[]) => void
  /** Something to be typed; where it is broken a shell takes it together again. */
  readonly command: (text: string) => void
  readonly table: (head: readonly string[], rows: readonly (readonly Cell[])[]) => void
  /** Redraws the table until `isDone`; where there is no terminal only its last state is printed. */
  readonly live: (
    head: readonly string[],
    rows: () => readonly (readonly Cell[])[],
    isDone: () => boolean | Promise<boolean>,
    limitMs: number,
  ) => Promise<void>
}

/** Only a terminal has columns, and colors if the environment does not forbid them (NO_COLOR). */
type Output = {
  isTTY?: boolean
  columns?: number | undefined
  hasColors?: () => boolean
  write: (text: string) => unknown
}

const PAGE = 120
const REDRAW_MS = 100
const INDENT = ' '.repeat(4)

/** What is drawn, as a text no wider than the terminal that standard output is, if it is one. */
export function textOf(draw: (screen: Screen) => void): string {
  let text = ''
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    text += chunk
    done()
  }
  draw(screenOn(Object.assign(new Writable({ write }), { columns: process.stdout.columns })))
  return text
}

export function screenOn(output: Output & NodeJS.WritableStream): Screen {
  const isTerminal = output.isTTY === true
  const isColored = isTerminal && output.hasColors?.() === true
  const painted = (style: 'bold' | 'cyan') => (text: string) =>
    isColored ? styleText(style, text, { validateStream: false }) : text
  const bold = painted('bold')
  // Asked each time: a window may be resized.
  const columns = () => output.columns || Number.POSITIVE_INFINITY
  const print = (text: string) => void output.write(`${text}\n`)
  const draw = (head: readonly string[], rows: readonly (readonly Cell[])[]) =>
    tableOf(head, rows, columns(), painted('cyan'))
  let chapters = 0
  return {
    chapter: (title) => {
      chapters += 1
      const lines = wrap(`${chapters}. ${title}`, columns())
      print(`\n${bold(lines)}\n`)
    },
    say: (line) => print(wrap(line, columns())),
    prose: (...paragraphs) => print(wrap(paragraphs.join('\n'), Math.min(columns(), PAGE))),
    command: (text) => {
      const lines = wrap(text, columns() - 2 * INDENT.length)
      print(`\n${INDENT}${lines.replaceAll('\n', ` \\\n${INDENT}  `)}`)
    },
    table: (head, rows) => print(draw(head, rows)),
    live: async (head, rows, isDone, limitMs) => {
      const update = isTerminal ? createLogUpdate(output) : undefined
      const deadline = performance.now() + limitMs
      while (!(await isDone())) {
        if (performance.now() > deadline) throw new Error(`Waited ${limitMs / 1000} s in vain:\n${draw(head, rows())}`)
        update?.(draw(head, rows()))
        await new Promise((resolve) => setTimeout(resolve, REDRAW_MS))
      }
      update?.clear()
      print(draw(head, rows()))
    },
  }
}
