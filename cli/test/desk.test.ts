import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { readConfig } from '@omnimargin/service/config'
import { deploymentSchema } from '@omnimargin/service/deployment'
import { startDevnet } from '@omnimargin/service/devnet/devnet'
import { until } from '@omnimargin/service/devnet/until'
import type { LogEvent } from '@omnimargin/service/role'

const root = join(import.meta.dirname, '..', '..')

/** What docs/venue.md has a reader type on the devnet, and what it says is printed. */
function shown(): { commands: string[]; printed: string[] } {
  const [, section = ''] = readFileSync(join(root, 'docs', 'venue.md'), 'utf8').split('\n## On the devnet\n')
  const [, commands = '', printed = ''] = /^```sh\n(.*?)^```$.*?^```\n(.*?)^```$/ms.exec(section) ?? []
  return { commands: commands.trim().split('\n'), printed: printed.trim().split('\n') }
}

/** A line with its addresses and accounts left out. */
const shapeOf = (line: string) => line.replaceAll(/0x[0-9a-f]+/g, '0x')

test('ROL-84 ROL-85 what docs/venue.md shows on the devnet works as typed: a venue of one’s own, traded on, and both sides add up', async () => {
  const events: LogEvent[] = []
  const devnet = await startDevnet({ log: (event) => events.push(event) })
  try {
    const { deploymentFile, councilKeyFile } = devnet
    const { commands, printed } = shown()
    assert.equal(commands.length, 2)
    const outputs: string[] = []
    for (const command of commands) {
      const typed = command.replaceAll('DEPLOYMENT', deploymentFile).replaceAll('COUNCIL_KEY', councilKeyFile)
      const { stdout } = await promisify(execFile)('sh', ['-c', typed], { cwd: root })
      outputs.push(stdout)
    }
    const [desk = '', reconciled = ''] = outputs
    const lines = desk.trim().split('\n').map(shapeOf)
    assert.deepEqual(lines.slice(-printed.length), printed.map(shapeOf))
    assert.match(reconciled, /ETH-DESK on trading: longs = shorts/)

    const { markets } = readConfig(deploymentFile, deploymentSchema).clearing
    const signed = { role: 'attestor', event: 'checkpoint_signed', emitter: markets.at(-1)?.venue }
    await until('an attestor to sign what the Desk wrote', () =>
      events.some(
        ({ role, event, emitter }) => role === signed.role && event === signed.event && emitter === signed.emitter,
      ),
    )
    const anew = () => events.filter(({ event }) => event === 'started_anew').length
    assert.equal(anew(), 1)
    assert.deepEqual(
      events.filter(({ event }) => ['alarm', 'frozen', 'not_frozen'].includes(event)),
      [],
    )

    writeFileSync(deploymentFile, '{')
    await until('the devnet to say why', () =>
      events.some(({ role, event }) => role === 'devnet' && event === 'failed'),
    )
    assert.equal(anew(), 1, 'what cannot be read ends no role')
  } finally {
    await devnet.stop()
  }
})
