import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A package folder whose one script is `body`: the service reads its scripts from where `npm run build` puts them. */
export function packageIn(folder: string, body: string | Buffer = '#!/bin/bash\n'): string {
  const scripts = join(folder, 'package', 'dist', 'agent-scripts')
  mkdirSync(join(scripts, 'linux'), { recursive: true })
  const sha256 = createHash('sha256').update(body).digest('hex')
  writeFileSync(join(scripts, 'linux', 'enableagent.sh'), body)
  writeFileSync(join(scripts, 'manifest.json'), JSON.stringify({ version: '1', files: [{ path: 'linux/enableagent.sh', sha256 }] }))
  return join(folder, 'package')
}
