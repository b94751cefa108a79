import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { screenOn } from '../src/terminal/screen.ts'

/** What is drawn on a terminal of so many columns. */
function drawn(columns: number, hasColors: boolean): string {
  let text = ''
  const write = (chunk: Buffer, _: string, done: () => void) => {
    text += chunk
    done()
  }
  const terminal = Object.assign(new Writable({ write }), { isTTY: true, columns, hasColors: () => hasColors })
  const screen = screenOn(terminal)
  screen.chapter('A chapter whose title is long')
  screen.say('Prose that is wider than its terminal')
  screen.command(`npm run omnimargin -- whatif --account 0x${'1'.repeat(64)} --lose fast`)
  screen.table(['head', 'of a table'], [['one', 2]])
  return text
}

test('without colors there is not one escape; with them there is', () => {
  assert.ok(!drawn(80, false).includes('\u001b'))
  for (const colored of ['\u001b[1m1. A chapter', '\u001b[36mhead']) assert.ok(drawn(80, true).includes(colored))
})

test('prose breaks between words, and a command where a shell takes it together again', () => {
  const text = drawn(30, false)
  assert.match(text, /\nProse that is wider than its\nterminal\n/)
  assert.match(text, /\n {4}npm run omnimargin -- \\\n {6}whatif --account \\\n {6}0x1{64} \\\n {6}--lose fast\n/)
})
