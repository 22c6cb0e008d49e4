/**
 * Builds the hub into dist/hub and holds it to its budget. `--check` builds beside it, so that dist/ stays as it is.
 * Prints one line; more when something is wrong.
 */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildHub } from './hub-build.mjs'
import { root } from './suites.mjs'

/** Of JavaScript that a browser loads before anything is shown, compressed. */
const firstLoadBytesMax = 180 * 1024

const isCheck = process.argv.includes('--check')
const outdir = path.join(root, ...(isCheck ? ['node_modules', '.cache', 'hub'] : ['dist', 'hub']))
try {
  await buildHub(outdir)
  report(readdirSync(outdir))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

function report(files) {
  const scripts = files.filter((file) => file.endsWith('.js'))
  const first = compressed('hub.js')
  const later = scripts.filter((file) => file !== 'hub.js').reduce((sum, file) => sum + compressed(file), 0)
  const inlined = /url\(["']?data:(?:application\/)?font/.test(readFileSync(path.join(outdir, 'hub.css'), 'utf8'))
  console.log(`The hub's first load is ${kilobytes(first)} of JavaScript (gzip), ${kilobytes(later)} more come with their pages.`)
  if (first > firstLoadBytesMax) fail(`That is above ${kilobytes(firstLoadBytesMax)}. Load a page or a component lazily.`)
  if (inlined || !files.some((file) => file.endsWith('.woff2'))) fail('Fonts stand in the style sheet instead of files of their own.')
}

function compressed(file) {
  return gzipSync(readFileSync(path.join(outdir, file))).length
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1024)} KB`
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}
