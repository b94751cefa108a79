/** A real local EVM chain as a child process. */
import { type ChildProcess, spawn } from 'node:child_process'

export type Anvil = { readonly chainId: number; readonly url: string; readonly stop: () => Promise<void> }

export type AnvilOptions = {
  readonly chainId: number
  /** Blocks between the newest and the finalized one: twice the slots of an epoch. */
  readonly slotsInAnEpoch?: number
  /** Of a block, and so of a call; 30 million by default. */
  readonly gasLimit?: bigint
}

const START_LIMIT_MS = 20_000

/**
 * Starts anvil on a free port, mining a block per transaction until told otherwise. It ends with this process, whichever
 * way that ends: a shell holds its standard input and kills it when the pipe closes. It is in a group of its own, so that
 * Ctrl-C in a terminal ends whoever asks of the chain before it ends the chain.
 */
export function startAnvil({ chainId, slotsInAnEpoch = 1, gasLimit = 30_000_000n }: AnvilOptions): Promise<Anvil> {
  const args = ['--port', '0', '--chain-id', `${chainId}`, '--slots-in-an-epoch', `${slotsInAnEpoch}`]
  const options = [
    ...args,
    '--accounts',
    '1',
    '--color',
    'never',
    '--gas-limit',
    `${gasLimit}`,
    '--prune-history',
    '512',
    '--order',
    'fifo',
  ]
  const script = 'anvil "$@" & child=$!; (cat >/dev/null; kill -9 $child 2>/dev/null) <&3 & wait $child'
  const shell = spawn('sh', ['-c', `exec 3<&0; ${script}`, 'anvil', ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (why: string) => reject(new Error(`anvil for chain ${chainId} ${why}. Is it installed?\n${output}`))
    const timer = setTimeout(() => fail(`did not start within ${START_LIMIT_MS} ms`), START_LIMIT_MS)
    shell.once('error', () => fail('could not be started'))
    shell.once('exit', (code) => fail(`exited with ${code}`))
    shell.stderr.on('data', (chunk) => {
      output += chunk
    })
    shell.stdout.on('data', (chunk) => {
      output += chunk
      const url = /Listening on (\S+)/.exec(output)?.[1]
      if (!url) return
      clearTimeout(timer)
      shell.stdout.removeAllListeners('data').resume()
      resolve({ chainId, url: `http://${url}`, stop: () => stop(shell) })
    })
  })
}

function stop(shell: ChildProcess): Promise<void> {
  if (shell.exitCode !== null || shell.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    shell.once('exit', () => resolve())
    shell.stdin?.destroy()
  })
}
