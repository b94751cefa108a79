/** What a steward is told of markets, assets and routes, for commands that ask the same. */
import { join } from 'node:path'
import { readConfig } from '@omnimargin/service/config'
import { stewardSchema } from '../run.ts'

export const SHIPPED_MEASURES = join(import.meta.dirname, '..', '..', '..', 'risk', 'steward.json')

/** A steward's own configuration will do, and so will one without what only it needs. Throws ConfigError. */
export function readMeasures(file: string) {
  return readConfig(file, stewardSchema.partial({ deployment: true, keyFile: true }))
}
