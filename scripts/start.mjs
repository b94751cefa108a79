import { launch } from './bootstrap.mjs'

await launch('cli/src/main.ts', ['start', ...process.argv.slice(2)])
