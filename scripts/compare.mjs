import { launch } from './bootstrap.mjs'

await launch('cli/src/main.ts', ['compare', ...process.argv.slice(2)])
