/** The risk parameters as a person writes them: JSON, decimals in quotes. Its fields are those that the blob itself has. */
import { SHARES } from '@omnimargin/core/misfit'
import { LISTS, type Parameters, packParameters, unpackParameters } from '@omnimargin/core/parameters'
import { formatDecimal } from '@omnimargin/risk/decimal'
import { formatUnits } from 'viem'
import { z } from 'zod'
import { decimal, share } from '../fields.ts'

type Row = Record<string, bigint | number | boolean>
/** As many as a clearing takes of what it takes most of. */
const MAX_ROWS = 64

/** Checks every field's form and width, and that shares are; what the clearing would say of the rest, the clearing is asked. */
export const parametersSchema: z.ZodType<Parameters> = schemaOf(shape())
  .transform((read, context) => {
    const parameters = read as unknown as Parameters
    try {
      packParameters(parameters)
      return parameters
    } catch (cause) {
      context.addIssue(`does not fit the blob: ${cause instanceof Error ? cause.message : cause}`)
      return z.NEVER
    }
  })
  .describe('`omnimargin risk parameters` prints those of a deployment, to be edited')

/** What the schema reads as these parameters. */
export function parametersToJson(parameters: Parameters): string {
  const plain = Object.entries(parameters).map(([name, value]) => {
    const rows = Array.isArray(value) ? value.map((row: Row) => mapRow(row, formatOf(row))) : formatField(value)
    return [name, rows]
  })
  return `${JSON.stringify(Object.fromEntries(plain), null, 2)}\n`
}

/** A row of zeros in every list: what packs and unpacks again names every field there is, and its kind. */
function shape(): Record<string, Row[keyof Row] | Row[]> {
  const rows = Object.fromEntries(LISTS.map((list) => [list, [{}]])) as unknown as Parameters
  return unpackParameters(packParameters(rows)) as unknown as ReturnType<typeof shape>
}

function schemaOf(kinds: ReturnType<typeof shape>) {
  const fields = Object.entries(kinds).map(([name, kind]) => {
    return [name, Array.isArray(kind) ? z.array(rowSchema(kind[0] ?? {})).max(MAX_ROWS) : fieldSchema(name, kind)]
  })
  return z.strictObject(Object.fromEntries(fields) as Record<string, z.ZodType>)
}

function fieldSchema(name: string, kind: Row[keyof Row]): z.ZodType {
  if (typeof kind === 'bigint') return SHARES.includes(name) ? share : decimal
  return typeof kind === 'boolean' ? z.boolean() : z.int().min(0)
}

/** Amounts are whole units at 1e18 inside, but these. */
function rowSchema(kinds: Row) {
  const names = Object.keys(scalesOf(kinds))
  const fields = Object.entries(kinds).map(([name, kind]) => [
    name,
    names.includes(name) ? z.string() : fieldSchema(name, kind),
  ])
  return z.strictObject(Object.fromEntries(fields) as Record<string, z.ZodType>).transform((read, context) => {
    const scaled = Object.entries(scalesOf(read as Row)).map(([name, digits]) => {
      const text = `${read[name]}`
      const [, whole, fraction = ''] = /^(\d{1,40})(?:\.(\d+))?$/.exec(text) ?? []
      if (whole !== undefined && fraction.length <= digits) return [name, BigInt(whole + fraction.padEnd(digits, '0'))]
      const remedy = `write a plain decimal in quotes, with at most ${digits} digits after the point`
      context.addIssue({ code: 'custom', path: [name], message: `is "${text}": ${remedy}` })
      return [name, 0n]
    })
    return context.issues.length > 0 ? z.NEVER : { ...read, ...Object.fromEntries(scaled) }
  })
}

/** Of a listing, in the asset's own units or in whole tokens at 1e6; of a vault, in whole USD. */
function scalesOf(row: Row): Record<string, number> {
  const own = Number(row.decimals)
  if ('decimals' in row) return { cap: own, accountCap: own, burst: own, assetCap: 6 }
  return 'zeroAge' in row ? { cap: 0 } : {}
}

function formatOf(row: Row): (name: string, value: Row[keyof Row]) => unknown {
  const scales = scalesOf(row)
  return (name, value) => {
    const digits = scales[name]
    return digits !== undefined && typeof value === 'bigint' ? formatUnits(value, digits) : formatField(value)
  }
}

function formatField(value: unknown): unknown {
  return typeof value === 'bigint' ? formatDecimal(value) : value
}

function mapRow(row: Row, format: (name: string, value: Row[keyof Row]) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, format(name, value)]))
}
