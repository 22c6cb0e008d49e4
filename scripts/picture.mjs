/**
 * Turns a capture of the terminal view into the picture of the README. Needs chromium. How the picture was made:
 *
 *   tmux new-session -d -s view -x 112 -y 28 'npm start' && sleep 15
 *   tmux capture-pane -e -p -t view > view.ansi && tmux kill-session -t view
 *   node scripts/picture.mjs view.ansi docs/images/terminal.png
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const cell = { width: 8.5, height: 16 }
const margin = 14
const ground = '#11161d'
const ink = '#d5dbe3'
/** The colours that the view uses, by their SGR number. */
const colours = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#56d4dd', 94: '#79b8ff' }

const [capture, picture] = process.argv.slice(2)
if (capture === undefined || picture === undefined) fail('Usage: node scripts/picture.mjs CAPTURE.ansi PICTURE.png')
const folder = mkdtempSync(path.join(tmpdir(), 'picture-'))
try {
  const lines = linesOf(readFileSync(capture, 'utf8').trimEnd())
  const page = path.join(folder, 'page.html')
  writeFileSync(page, pageOf(lines))
  photograph(page, picture, sizeOf(lines))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Lines as runs of text in one style, `{text, at, style}`. A style holds over line ends, as in the terminal. */
function linesOf(text) {
  let style = {}
  return text.split('\n').map((line) => {
    let at = 0
    return line.split(/(\x1b\[[0-9;]*m)/).flatMap((part) => {
      if (part.startsWith('\x1b')) {
        for (const code of part.slice(2, -1).split(';').map(Number)) style = restyled(style, code)
        return []
      }
      const run = { text: part, at, style }
      at += [...part].length
      return part === '' ? [] : [run]
    })
  })
}

function restyled(style, code) {
  if (code === 0) return {}
  if (code === 1) return { ...style, bold: true }
  if (code === 2) return { ...style, dim: true }
  if (code === 22) return { ...style, bold: false, dim: false }
  if (code === 39) return { ...style, colour: undefined }
  return code in colours ? { ...style, colour: colours[code] } : style
}

/** Every character stands in its own cell, so that the boxes close whatever font draws them. */
function pageOf(lines) {
  const { width, height } = sizeOf(lines)
  const cells = lines.flatMap((runs, row) =>
    runs.flatMap(({ text, at, style }) => [...text].map((character, index) => cellOf(character, at + index, row, style))),
  )
  return `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; width: ${width}px; height: ${height}px; background: ${ground}; position: relative; overflow: hidden }
i { position: absolute; font: normal 14px/${cell.height}px "DejaVu Sans Mono", monospace; white-space: pre }
</style>${cells.join('')}`
}

function cellOf(character, column, row, { colour = ink, bold = false, dim = false }) {
  if (character === ' ') return ''
  const place = `left:${margin + column * cell.width}px;top:${margin + row * cell.height}px`
  const look = `color:${colour}${bold ? ';font-weight:bold' : ''}${dim ? ';opacity:.65' : ''}`
  return `<i style="${place};${look}">${character.replace(/[&<]/, (sign) => `&#${sign.charCodeAt(0)};`)}</i>`
}

function sizeOf(lines) {
  const columns = Math.max(...lines.map((runs) => runs.reduce((end, { text, at }) => Math.max(end, at + [...text].length), 0)))
  return { width: Math.ceil(columns * cell.width) + 2 * margin, height: lines.length * cell.height + 2 * margin }
}

function photograph(page, target, { width, height }) {
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  const run = spawnSync(
    'chromium',
    [
      ...['--headless', '--no-sandbox', ...quiet, `--user-data-dir=${folder}`, '--hide-scrollbars', '--force-device-scale-factor=1.5'],
      ...[`--window-size=${width},${height}`, `--screenshot=${path.resolve(target)}`, pathToFileURL(page).href],
    ],
    { encoding: 'utf8' },
  )
  if (run.error) fail(`chromium did not start (${run.error.code}). Install it, such as with: apt-get install chromium`)
  if (run.status !== 0) fail(`chromium made no picture:\n${run.stderr}`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
