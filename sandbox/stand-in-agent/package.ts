/** Makes the stand-in agent's package, laid out like the real one. */
import { spawn } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const layout = fileURLToPath(new URL('layout', import.meta.url))
const programs = ['config.sh', 'run.sh', 'bin/Agent.Listener', 'bin/installdependencies.sh']

/** Writes a tar.gz with the system's tar. Throws when that is missing or fails. */
export async function buildAgentPackage(outFile: string, version: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stand-in-agent-'))
  try {
    await cp(layout, folder, { recursive: true })
    await mkdir(join(folder, 'externals', 'node', 'bin'), { recursive: true })
    await writeFile(join(folder, 'bin', 'version'), `${version}\n`)
    for (const program of programs) await chmod(join(folder, program), 0o755)
    await chmod(folder, 0o755)
    await tar(['--create', '--gzip', '--owner=0', '--group=0', '--file', outFile, '--directory', folder, '.'])
  } finally {
    await rm(folder, { recursive: true })
  }
}

function tar(words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('tar', words, { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}: ${errors.trim()}`))))
  })
}
