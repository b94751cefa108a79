// Brings a fresh clone to where the programs run: packages, a Node that runs TypeScript, Foundry, compiled contracts.
// Plain JavaScript for Node 20 without packages, because it is what installs the rest. Silent when all is in place.
import { spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { constants as os } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const outsidePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith(join('', 'node_modules', '.bin')))
const path = [bin, ...outsidePath]
/** The environment of everything started from here: the pinned node, forge and anvil come first. */
const env = { ...process.env, PATH: path.join(delimiter) }

/** As old as the last build; gone with what forge made. */
const stamp = resolve(root, 'contracts', process.env.FOUNDRY_OUT ?? 'out', '.built')
const nodeRequired = [22, 18]
const quietMs = 2_000
const progressMs = 10_000

/** Something the reader can put right; shown without a stack. */
class SetupError extends Error {}

/** Installs and builds whatever is missing or out of date. Returns the path of the Node to run TypeScript with. */
export async function prepare() {
  if (!isInstalled()) await install()
  const node = findNode()
  const forge = find('forge')
  find('anvil')
  if (isBuilt()) return node
  const began = new Date()
  await step('Compiling the contracts', forge, ['build', 'src', 'devnet'], { cwd: join(root, 'contracts'), env })
  await step('Generating the contracts’ types', node, ['scripts/abi.ts'], { cwd: root, env })
  writeFileSync(stamp, '')
  // What is edited meanwhile is newer.
  utimesSync(stamp, began, began)
  return node
}

/** Prepares, then becomes `node program ...args` as far as the caller can tell: same terminal, signals and exit code. */
export async function launch(program, args) {
  try {
    const node = await prepare()
    // The channel closes when this process ends, even by SIGKILL: so the program learns of it.
    const stdio = ['inherit', 'inherit', 'inherit', 'ipc']
    const child = spawn(node, [join(root, program), ...args], { cwd: root, env, stdio })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    const { code, signal } = await ended(child)
    process.exitCode = code ?? 128 + os.signals[signal]
  } catch (error) {
    report(error)
  }
}

/** Prints an error the reader can put right, and lets any other through. */
export function report(error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

/** Whether npm's own note of what it installed says what the lock file says. */
function isInstalled() {
  const note = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(note)) return false
  const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages
  const installed = packagesIn(note)
  return Object.entries(packagesIn(join(root, 'package-lock.json')))
    .filter(([folder, wanted]) => folder.startsWith('node_modules/') && !(wanted.optional && !installed[folder]))
    .every(([folder, wanted]) => installed[folder]?.version === wanted.version)
}

/** Runs `npm ci`, on the machine's own Node: the one in node_modules is replaced while it runs. */
async function install() {
  const options = { cwd: root, env: { ...process.env, PATH: outsidePath.join(delimiter) } }
  await step(
    'Installing packages (npm ci)',
    'npm',
    ['ci', '--include=dev', '--include=optional', '--loglevel=error'],
    options,
  )
}

/** Whether all that contracts and their types are made of is older than when they were made; a folder is as new as what last left it. */
function isBuilt() {
  if (!existsSync(stamp) || !existsSync(join(root, 'chains', 'src', 'abi.ts'))) return false
  const folders = ['contracts/src', 'contracts/devnet', 'contracts/tools'].map((folder) => join(root, folder))
  const inside = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
  const files = ['contracts/foundry.toml', 'scripts/abi.ts', 'scripts/artifacts.ts', 'node_modules/.package-lock.json']
  const all = [...folders, ...inside, ...files.map((file) => join(root, file))]
  const { mtimeMs } = statSync(stamp)
  return all.every((path) => statSync(path).mtimeMs < mtimeMs)
}

function findNode() {
  const pinned = join(bin, 'node')
  if (existsSync(pinned)) return pinned
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > nodeRequired[0] || (major === nodeRequired[0] && minor >= nodeRequired[1])) return process.execPath
  throw missing(`Node ${nodeRequired.join('.')} or newer (this is ${process.version})`, 'Node from https://nodejs.org')
}

function find(program) {
  const found = path.map((folder) => join(folder, program)).find(isExecutable)
  if (found) return found
  throw missing(`${program} on the PATH`, 'Foundry 1.7 from https://getfoundry.sh')
}

function missing(what, where) {
  const npmBringsIt = process.platform === 'linux' && process.arch === 'x64'
  const remedy = npmBringsIt
    ? 'npm brings it: delete node_modules'
    : `npm brings it on Linux x64 only: install ${where}`
  return new SetupError(`${process.platform} ${process.arch} needs ${what}. ${remedy} and run the command again.`)
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Runs a command, says so if it takes a while, and shows its output only if it fails. */
async function step(title, command, args, options) {
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  let announced = false
  const announce = () => {
    process.stderr.write(announced ? `  still at it after ${seconds()}\n` : `${title} ...\n`)
    announced = true
  }
  const timers = [setTimeout(announce, quietMs), setInterval(announce, progressMs)]
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const { code, signal } = await ended(child).finally(() => timers.forEach(clearTimeout))
  if (code !== 0)
    throw new SetupError(`${output}${title} failed (${signal ?? `exit code ${code}`}): ${command} ${args.join(' ')}`)
  if (announced) process.stderr.write(`  done in ${seconds()}\n`)
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new SetupError(`${child.spawnfile} did not start: ${error.message}`)))
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
}
