import { readArtifacts } from '../artifacts.ts'

/** Below the chains' own limit of 24,576 bytes, so that there is room for a repair. */
const limitBytes = 22_000

/** No contract grows past what every chain takes. Prints the sizes, largest first. */
export function sizes(): string[] {
  const deployable = readArtifacts()
    .filter(({ source, bytecode }) => source.startsWith('src/') && bytecode !== '0x')
    .sort((a, b) => b.runtimeBytes - a.runtimeBytes)
  // The compiler gives a library that is inlined everywhere an empty shell of a few dozen bytes.
  for (const { name, runtimeBytes } of deployable.filter((artifact) => artifact.runtimeBytes > 100)) {
    process.stdout.write(`       ${name.padEnd(20)} ${runtimeBytes.toLocaleString('en').padStart(7)} bytes\n`)
  }
  return deployable
    .filter(({ runtimeBytes }) => runtimeBytes > limitBytes)
    .map(
      ({ source, name, runtimeBytes }) =>
        `contracts/${source} ${name} is ${runtimeBytes} bytes, the limit is ${limitBytes}: move a part into a library or another contract.`,
    )
}
