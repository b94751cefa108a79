import { launch } from './bootstrap.mjs'

await launch('scripts/test.ts', process.argv.slice(2))
