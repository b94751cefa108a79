import { prepare, report } from './bootstrap.mjs'

await prepare().catch(report)
