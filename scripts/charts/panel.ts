/** A small chart as SVG: axes with few ticks, lines named where they end or in a legend, nothing else. */

export type Line = {
  readonly name: string
  readonly color: string
  readonly points: readonly (readonly [number, number])[]
  readonly dash?: string
}
export type Panel = {
  readonly title: string
  readonly x: { readonly from: number; readonly to: number; readonly ticks: readonly (readonly [number, string])[] }
  readonly y: { readonly to: number; readonly step: number; readonly text: (value: number) => string }
  /** Columns from zero, behind the lines. */
  readonly columns?: readonly (readonly [number, number])[]
  readonly lines: readonly Line[]
}

const WIDTH = 460
const HEIGHT = 250
const MARGIN = { left: 44, right: 12, top: 30, bottom: 26 }
const GRAY = '#8a8f98'
const COLUMN = '#c9ced6'

/** Panels side by side, `across` in a row, under one legend. */
export function chart(panels: readonly Panel[], across: number, columnsName?: string): string {
  const rows = Math.ceil(panels.length / across)
  const [width, height] = [across * WIDTH, rows * HEIGHT + 30]
  const body = panels.map((panel, i) => at((i % across) * WIDTH, 26 + Math.floor(i / across) * HEIGHT, draw(panel)))
  const names = new Map(panels.flatMap(({ lines }) => lines.map((line) => [line.name, line] as const)))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${legend([...names.values()], columnsName)}
${body.join('\n')}
</svg>
`
}

function legend(lines: readonly Line[], columnsName: string | undefined): string {
  let x = MARGIN.left
  const parts =
    columnsName === undefined
      ? []
      : [{ mark: `<rect x="0" y="-9" width="14" height="10" fill="${COLUMN}"/>`, name: columnsName }]
  const marks = lines.map(({ name, color, dash }) => ({ mark: `<path d="M0 -4H18" ${stroke(color, dash)}/>`, name }))
  return [...parts, ...marks]
    .map(({ mark, name }) => {
      const item = at(x, 18, `${mark}<text x="23" y="0" fill="#222">${name}</text>`)
      x += 42 + name.length * 6.4
      return item
    })
    .join('\n')
}

function draw({ title, x, y, columns = [], lines }: Panel): string {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right]
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom]
  const across = (value: number) => fixed(left + ((value - x.from) / (x.to - x.from)) * (right - left))
  const up = (value: number) => fixed(bottom - (Math.min(y.to, Math.max(0, value)) / y.to) * (bottom - top))
  const grid = Array.from({ length: Math.round(y.to / y.step) + 1 }, (_, i) => i * y.step).map(
    (value) =>
      `<path d="M${left} ${up(value)}H${right}" stroke="${value === 0 ? GRAY : '#e6e8ec'}"/><text x="${left - 6}" y="${fixed(Number(up(value)) + 4)}" text-anchor="end" fill="${GRAY}">${y.text(value)}</text>`,
  )
  const ticks = x.ticks.map(
    ([value, text]) =>
      `<text x="${across(value)}" y="${bottom + 17}" text-anchor="middle" fill="${GRAY}">${text}</text>`,
  )
  const wide = (right - left) / Math.max(1, columns.length)
  const bars = columns
    .filter(([, value]) => value > 0)
    .map(
      ([at, value]) =>
        `<rect x="${across(at)}" y="${up(value)}" width="${fixed(wide * 0.9)}" height="${fixed(bottom - Number(up(value)))}" fill="${COLUMN}"/>`,
    )
  const paths = lines.map(({ color, dash, points }) => {
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${across(px)} ${up(py)}`).join('')
    return `<path d="${path}" ${stroke(color, dash)}/>`
  })
  return [
    `<text x="${left}" y="18" font-weight="bold" fill="#222">${title}</text>`,
    ...grid,
    ...ticks,
    ...bars,
    ...paths,
  ].join('\n')
}

function stroke(color: string, dash: string | undefined): string {
  return `fill="none" stroke="${color}" stroke-width="1.8" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash}"` : ''}`
}

function at(x: number, y: number, inner: string): string {
  return `<g transform="translate(${fixed(x)} ${fixed(y)})">${inner}</g>`
}

function fixed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '')
}
