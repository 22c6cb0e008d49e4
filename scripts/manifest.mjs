/** Writes the SHA-256 of every script into agent-scripts/manifest.json: a machine refuses a script that is not the one described. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './suites.mjs'

const folder = path.join(root, 'agent-scripts')
const manifest = path.join(folder, 'manifest.json')
const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
writeFileSync(manifest, `${JSON.stringify({ version, files: scripts() }, null, 2)}\n`)

function scripts() {
  const names = ['linux/enableagent.sh', 'windows/enableagent.ps1'].filter((name) => existsSync(path.join(folder, name)))
  return names.map((name) => ({
    path: name,
    sha256: createHash('sha256')
      .update(readFileSync(path.join(folder, name)))
      .digest('hex'),
  }))
}
