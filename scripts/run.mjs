// `node scripts/run.mjs PROGRAM ...ARGS`: a program in TypeScript, on whatever Node is there, in whatever state the clone is.
import { launch } from './bootstrap.mjs'

const [program, ...args] = process.argv.slice(2)
await launch(program, args)
