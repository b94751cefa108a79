/** What the story looks like: chapters, tables, and one live line while something is awaited. */
import { Writable } from 'node:stream'
import { styleText } from 'node:util'
import Table from 'cli-table3'
import { createLogUpdate } from 'log-update'

export type Cell = string | number
export type Screen = {
  readonly chapter: (title: string) => void
  readonly say: (line: string) => void
  readonly table: (head: readonly string[], rows: readonly (readonly Cell[])[]) => void
  /** Redraws the table until `isDone`; where there is no terminal only its last state is printed. */
  readonly live: (
    head: readonly string[],
    rows: () => readonly (readonly Cell[])[],
    isDone: () => boolean | Promise<boolean>,
    limitMs: number,
  ) => Promise<void>
}

type Output = { isTTY?: boolean; write: (text: string) => unknown }

const REDRAW_MS = 100
const NO_COLOR = { head: [], border: [] }
/** No lines between rows. */
const CHARS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** What is drawn, as a text. */
export function textOf(draw: (screen: Screen) => void): string {
  let text = ''
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    text += chunk
    done()
  }
  draw(screenOn(new Writable({ write })))
  return text
}

export function screenOn(output: Output & NodeJS.WritableStream): Screen {
  const isTerminal = output.isTTY === true
  const paint = (style: Parameters<typeof styleText>[0], text: string) => (isTerminal ? styleText(style, text) : text)
  const say = (line: string) => void output.write(`${line}\n`)
  const draw = (head: readonly string[], rows: readonly (readonly Cell[])[]) => {
    const style = isTerminal ? { head: ['cyan'], border: ['gray'] } : NO_COLOR
    const table = new Table({ head: [...head], style, chars: CHARS })
    table.push(...rows.map((row) => row.map((cell) => `${cell}`)))
    return `${table}`
  }
  let chapters = 0
  return {
    chapter: (title) => {
      chapters += 1
      say(`\n${paint('bold', `${chapters}. ${title}`)}\n`)
    },
    say,
    table: (head, rows) => say(draw(head, rows)),
    live: async (head, rows, isDone, limitMs) => {
      const update = isTerminal ? createLogUpdate(output) : undefined
      const deadline = performance.now() + limitMs
      while (!(await isDone())) {
        if (performance.now() > deadline) throw new Error(`Waited ${limitMs / 1000} s in vain:\n${draw(head, rows())}`)
        update?.(draw(head, rows()))
        await new Promise((resolve) => setTimeout(resolve, REDRAW_MS))
      }
      update?.clear()
      say(draw(head, rows()))
    },
  }
}
