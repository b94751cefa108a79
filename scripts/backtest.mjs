import { launch } from './bootstrap.mjs'

await launch('cli/src/main.ts', ['backtest', ...process.argv.slice(2)])
