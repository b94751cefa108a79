import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { type Screen, screenOn } from '../src/terminal/screen.ts'

/** What is drawn on a terminal of so many columns. */
function drawn(columns: number, hasColors: boolean): string {
  return drawnOn({ isTTY: true, columns, hasColors: () => hasColors }, (screen) => {
    screen.chapter('A chapter whose title is long')
    screen.say('Prose that is wider than its terminal')
    screen.command(`npm run omnimargin -- whatif --account 0x${'1'.repeat(64)} --lose fast`)
    screen.table(['head', 'of a table'], [['one', 2]])
  })
}

function drawnOn(output: object, draw: (screen: Screen) => void): string {
  let text = ''
  const write = (chunk: Buffer, _: string, done: () => void) => {
    text += chunk
    done()
  }
  draw(screenOn(Object.assign(new Writable({ write }), output)))
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

test('paragraphs are as wide as the terminal, and where there is none as a page; what is said in one line stays one', () => {
  const paragraph = 'word '.repeat(60).trim()
  const draw = (screen: Screen) => screen.prose(paragraph, 'Another.')
  const widthsOn = (output: object) =>
    drawnOn(output, draw)
      .split('\n')
      .map((line) => line.length)
  assert.deepEqual(widthsOn({ isTTY: true, columns: 80 }), [79, 79, 79, 59, 8, 0])
  assert.deepEqual(widthsOn({}), [119, 119, 59, 8, 0])
  assert.equal(
    drawnOn({}, (screen) => screen.say(paragraph)),
    `${paragraph}\n`,
  )
})
