import { launch } from './bootstrap.mjs'

await launch('scripts/calibrate.ts', process.argv.slice(2))
