/** The agent's packages that the rig's Azure DevOps offers. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentPackage } from '../../../sandbox/azure-devops/agent-packages.ts'
import { buildAgentPackage } from '../../../sandbox/stand-in-agent/package.ts'
import { mustRun } from './programs.ts'

/** The newest is sound; a pool takes another one by its setting agentVersion. What is special about it is the case's to do. */
export const agentVersions = {
  sound: '4.300.9',
  changed: '4.300.1',
  tampered: '4.300.2',
  halved: '4.300.3',
  withoutHash: '4.300.4',
  blocked: '4.300.5',
  withLibrary: '4.300.6',
} as const

/** Where a machine of `withLibrary` has to have a package for its package manager. */
export const libraryFile = '/opt/stand-in-library.deb'

export async function buildPackages(folder: string): Promise<readonly AgentPackage[]> {
  return Promise.all(
    Object.values(agentVersions).map(async (version) => {
      const file = join(folder, `agent-${version}.tar.gz`)
      await buildAgentPackage(file, version)
      if (version === agentVersions.withLibrary) await addLibrary(folder, file)
      return { platform: 'linux-x64', version, file, ...(version === agentVersions.withoutHash && { hash: 'missing' as const }) }
    }),
  )
}

/** Its dependencies come by the package manager, as the real agent's do. */
async function addLibrary(folder: string, file: string): Promise<void> {
  const content = join(folder, 'with-library')
  mkdirSync(content)
  await mustRun('tar', '-xzf', file, '-C', content)
  writeFileSync(join(content, 'bin', 'installdependencies.sh'), `#!/bin/bash\napt-get install --yes ${libraryFile}\n`, { mode: 0o755 })
  await mustRun('tar', '-czf', file, '-C', content, '.')
}
