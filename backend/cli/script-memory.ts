/**
 * Scripts of other versions of this service. A model names the script of the version that wrote it: machines that are being created during
 * an upgrade still ask for the one before, and while replicas of two versions run, either is asked for the script of the other.
 */
import { createHash } from 'node:crypto'
import type { AgentScript, AgentScripts } from '../api/agent-scripts.ts'
import type { Notes } from '../store/notes.ts'

type Kept = { readonly name: string; readonly sha256: string; readonly body: string }

const key = 'agent-scripts'
/** Two of this version and, as a rule, those of the two before it. */
const keptMax = 6

/** Keeps our scripts for the versions after us, and finds those that others kept. */
export async function withFormerScripts(scripts: AgentScripts, notes: Pick<Notes, 'kept' | 'keep'>): Promise<AgentScripts> {
  const ours: readonly Kept[] = scripts.files.map(({ name, sha256, body }) => ({ name, sha256, body: body.toString('utf8') }))
  const before = await keptIn(notes)
  const others = before.filter(({ sha256 }) => !ours.some((each) => each.sha256 === sha256))
  if (others.length + ours.length > before.length) await notes.keep(key, JSON.stringify([...ours, ...others].slice(0, keptMax)))
  return {
    ...scripts,
    async former(name, sha256) {
      const found = (await keptIn(notes)).find((each) => each.name === name && each.sha256 === sha256)
      return found && checked(found)
    },
  }
}

async function keptIn(notes: Pick<Notes, 'kept'>): Promise<readonly Kept[]> {
  return JSON.parse((await notes.kept(key)) ?? '[]') as readonly Kept[]
}

/** What was changed in the database is no script. */
function checked({ name, sha256, body }: Kept): AgentScript | undefined {
  return createHash('sha256').update(body).digest('hex') === sha256 ? { name, sha256, body: Buffer.from(body) } : undefined
}
