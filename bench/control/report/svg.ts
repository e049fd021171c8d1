/**
 * One picture of a scenario: limit and calls in flight, p95 and goodput over time, of a law and of the oracle beside
 * it. Plain SVG without scripts or fonts, readable on light and dark pages. Pure.
 */
export interface Series {
  readonly label: string
  readonly values: readonly (number | undefined)[]
  readonly color: string
  readonly dashed?: boolean
}

export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
}

export interface Picture {
  readonly title: string
  readonly about: string
  readonly seconds: number
  readonly panels: readonly Panel[]
}

const WIDTH = 860
const PANEL_HEIGHT = 150
const LEFT = 56
const RIGHT = 16
const TOP = 72
const GAP = 34
const INK = '#6e7781'

export function svg(picture: Picture): string {
  const height = TOP + picture.panels.length * (PANEL_HEIGHT + GAP) + 10
  const body = picture.panels.map((panel, index) =>
    drawPanel(panel, TOP + index * (PANEL_HEIGHT + GAP), picture.seconds),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(LEFT, 24, picture.title, { size: 16, fill: '#1f2328' }),
    text(LEFT, 42, picture.about, { fill: INK }),
    ...body,
    '</svg>',
    '',
  ].join('\n')
}

function drawPanel(panel: Panel, top: number, seconds: number): string {
  const shown = panel.series.flatMap((series) => series.values.filter((value) => value !== undefined))
  const most = niceCeiling(Math.max(1e-9, ...shown))
  const right = WIDTH - RIGHT
  const bottom = top + PANEL_HEIGHT
  const lines = [0, 0.5, 1].map((ratio) => {
    const y = bottom - ratio * PANEL_HEIGHT
    const grid = `<line x1="${LEFT}" y1="${y}" x2="${right}" y2="${y}" stroke="#d8dee4"/>`
    return grid + text(LEFT - 6, y + 4, short(ratio * most), { fill: INK, anchor: 'end' })
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((ratio) =>
    text(LEFT + ratio * (right - LEFT), bottom + 14, `${short(ratio * seconds)} s`, {
      fill: INK,
      anchor: 'middle',
    }),
  )
  const legend = panel.series.map((series, index) =>
    text(right - 150 * (panel.series.length - index - 1), top - 6, series.label, {
      fill: series.color,
      anchor: 'end',
    }),
  )
  const curves = panel.series.map((series) => curve(series, { top, bottom, right, most }))
  return [
    text(LEFT, top - 6, panel.title, { fill: '#1f2328' }),
    ...lines,
    ...ticks,
    ...legend,
    ...curves,
  ].join('\n')
}

function curve(series: Series, area: { top: number; bottom: number; right: number; most: number }): string {
  const step = (area.right - LEFT) / Math.max(1, series.values.length)
  const points = series.values.flatMap((value, index) => {
    if (value === undefined) return []
    const y = area.bottom - (value / area.most) * (area.bottom - area.top)
    return [`${(LEFT + (index + 1) * step).toFixed(1)},${y.toFixed(1)}`]
  })
  const dashes = series.dashed === true ? ' stroke-dasharray="5 4"' : ''
  return `<polyline points="${points.join(' ')}" fill="none" stroke="${series.color}" stroke-width="1.6"${dashes}/>`
}

/** The next of 1, 2, 4, 5, 8 or 10 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10)
}

const short = (value: number): string => String(Number(value.toPrecision(3)))

function text(
  x: number,
  y: number,
  words: string,
  how: { size?: number; fill: string; anchor?: string },
): string {
  const escaped = words.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;' })[sign] ?? '&gt;')
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${how.fill}" font-size="${how.size ?? 12}" text-anchor="${how.anchor ?? 'start'}">${escaped}</text>`
}
