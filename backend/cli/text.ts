/** Text in columns: widths, cutting and padding that leave colour codes alone. Every character shown takes one column. */

export type Colour = 'green' | 'cyan' | 'yellow' | 'red' | 'magenta' | 'blue' | 'dim' | 'bold'
export type Paint = (text: string, colour: Colour) => string

const codes: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 }
const colourCode = /\u001b\[[0-9;]*m/g

/** Colours, or a painter that changes nothing. */
export function painter(colour: boolean): Paint {
  return colour ? (text, name) => (text === '' ? '' : `\u001b[${codes[name]}m${text}\u001b[0m`) : (text) => text
}

/** Columns that `text` takes on the screen. */
export function widthOf(text: string): number {
  return [...text.replace(colourCode, '')].length
}

/** `text` in exactly `width` columns: padded, or cut with an ellipsis. Cutting drops its colours. */
export function fit(text: string, width: number): string {
  const excess = widthOf(text) - width
  if (excess <= 0) return text + ' '.repeat(-excess)
  return cut(text, width)
}

/** `text` in at most `width` columns, its end an ellipsis when something was cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  return width < 1
    ? ''
    : [...text.replace(colourCode, '')]
        .slice(0, width - 1)
        .join('')
        .trimEnd() + '…'
}

/** `text` without control characters: what others wrote must not steer the terminal. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** `text` broken at spaces into at most `linesMax` lines of at most `width` columns; the last ends in an ellipsis when more was left. */
export function wrap(text: string, width: number, linesMax: number): readonly string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    const isFull = line !== '' && widthOf(line) + 1 + widthOf(word) > width && lines.length < linesMax
    if (isFull) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => cut(line, width))
}

export type Column<Row> = { readonly title: string; readonly value: (row: Row) => string | number | undefined }

/** An aligned table; numbers stand right. The last column is never padded. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], paint: Paint): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)))
  const widths = columns.map((column, at) => Math.max(widthOf(column.title), ...cells.map((row) => widthOf(shown(row[at])))))
  const head = columns.map((column, at) => align(column.title, widths[at] ?? 0, typeof cells[0]?.[at] === 'number'))
  const body = cells.map((row) =>
    row
      .map((cell, at) => align(shown(cell), widths[at] ?? 0, typeof cell === 'number'))
      .join('  ')
      .trimEnd(),
  )
  return [paint(head.join('  ').trimEnd(), 'bold'), ...body].join('\n')
}

function align(text: string, width: number, right: boolean): string {
  const room = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? room + text : text + room
}

function shown(value: string | number | undefined): string {
  return value === undefined ? '-' : String(value)
}
