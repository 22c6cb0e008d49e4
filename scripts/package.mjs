/**
 * Packs the extension into dist/scale-set-agents.*.vsix, or into the folder after `--to`; `--dev` packs the one whose pages come from
 * this computer. Needs no network. Prints the file.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './suites.mjs'

const args = process.argv.slice(2)
const to = path.resolve(args.includes('--to') ? args[args.indexOf('--to') + 1] : path.join(root, 'dist'))
const overrides = args.includes('--dev') ? ['--overrides-file', path.join(root, 'vss-extension.dev.json')] : []
const stage = mkdtempSync(path.join(os.tmpdir(), 'extension-'))
try {
  gather()
  console.log(pack())
} catch (error) {
  console.error(`The extension was not packed: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(stage, { recursive: true, force: true })
}

/** Only what is shipped: the folders of the repository hold more. */
function gather() {
  run('scripts/hub.mjs', ['--check'])
  cpSync(path.join(root, 'node_modules', '.cache', 'hub'), path.join(stage, 'dist', 'hub'), { recursive: true })
  for (const file of ['vss-extension.json', 'LICENSE', 'hub/images'])
    cpSync(path.join(root, file), path.join(stage, file), { recursive: true })
  const pictures = path.join(root, 'docs', 'images')
  mkdirSync(path.join(stage, 'docs', 'images'), { recursive: true })
  for (const file of existsSync(pictures) ? readdirSync(pictures).filter((name) => /^hub-.*\.png$/.test(name)) : [])
    cpSync(path.join(pictures, file), path.join(stage, 'docs', 'images', file))
  moveOverviewUp()
}

/** To the package's root: there a link to a picture is the same from the file's folder and from the package. */
function moveOverviewUp() {
  const text = readFileSync(path.join(root, 'hub', 'marketplace.md'), 'utf8')
  writeFileSync(path.join(stage, 'overview.md'), text.replaceAll('](../docs/images/', '](docs/images/'))
  const manifest = path.join(stage, 'vss-extension.json')
  const { content, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'))
  writeFileSync(manifest, JSON.stringify({ ...rest, content: { ...content, details: { path: 'overview.md' } } }))
}

function pack() {
  mkdirSync(to, { recursive: true })
  const answer = run('node_modules/tfx-cli/_build/tfx-cli.js', [
    ...['extension', 'create', '--root', stage, '--manifests', 'vss-extension.json', '--output-path', to, '--json', '--no-prompt'],
    ...overrides,
  ])
  return JSON.parse(answer).path
}

/** Throws with what the program said. */
function run(program, options) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, program), ...options], {
    cwd: stage,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(`${stdout}${stderr}`.trim())
  return stdout
}
