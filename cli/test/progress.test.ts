import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { awaited, complain } from '../src/terminal/progress.ts'

test('what takes more than two seconds is told once, on standard error; what is quick is not', async () => {
  const told: string[] = []
  mock.timers.enable({ apis: ['setTimeout'] })
  mock.method(process.stderr, 'write', (text: string) => told.push(text) > 0)
  try {
    assert.equal(await awaited('Reading', Promise.resolve(1)), 1)
    mock.timers.tick(60_000)
    assert.deepEqual(told, [])
    const { promise, reject } = Promise.withResolvers<never>()
    const answer = awaited('Reading', promise)
    mock.timers.tick(60_000)
    assert.deepEqual(told, ['Reading …\n'])
    reject(new Error('silent'))
    await assert.rejects(answer, /silent/)
  } finally {
    mock.reset()
    mock.timers.reset()
  }
})

test('what went wrong breaks at the width of the terminal that standard error is, and nowhere if it is none', () => {
  const told: string[] = []
  const columns = Object.getOwnPropertyDescriptor(process.stderr, 'columns')
  mock.method(process.stderr, 'write', (text: string) => told.push(text) > 0)
  try {
    for (const value of [20, undefined]) {
      Object.defineProperty(process.stderr, 'columns', { value, configurable: true })
      complain('config.json: cannot be read: name another.')
    }
  } finally {
    mock.reset()
    if (columns) Object.defineProperty(process.stderr, 'columns', columns)
    else Reflect.deleteProperty(process.stderr, 'columns')
  }
  assert.deepEqual(told, [
    'config.json: cannot\nbe read: name\nanother.\n',
    'config.json: cannot be read: name another.\n',
  ])
})
