/** A credential that is planted goes to the machine, and nowhere else (C8, C9). */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLog } from '../../backend/adapters/log.ts'
import { scrub } from '../../backend/adapters/scrub.ts'
import { createMetrics } from '../../backend/adapters/metrics.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { createNotes } from '../../backend/store/notes.ts'
import { poolId } from '../store/support.ts'
import { claim, key, registrarOf, scene } from './support.ts'

/** In the form of a token of Entra, and of a personal access token. */
const planted = ['eyJhbGciOi.eyJhdWQiOiI0OTliODRhYy0.c2lnbmF0dXJl', `${'a1'.repeat(38)}AZDOx9Y2`]

test.each(planted)('%s is in no file of the database, no line of the log and no figure', async (credential) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'secrets-'))
  const log: string[] = []
  const metrics = createMetrics()
  const database = await openDatabase({ kind: 'sqlite', file: path.join(folder, 'service.db') })
  const state = scene()
  state.credential = { known: true, value: credential, at: 0 }
  const { registrar } = registrarOf(database, state, {
    log: createLog({ destination: { write: (line) => void log.push(line) } }),
    tell: (pool, entry) => createNotes(database).tell(pool, entry),
    metrics,
    scrub,
  })
  try {
    expect(await claim(registrar)).toMatchObject({ status: 200, lines: { token: credential } })
    await claim(registrar, { key: 'b'.repeat(64) })
    const detail = `enableagent failed in configure [credential-refused]: VS800075 with token ${credential}`
    const report = { poolId, machine: 'vmss000003', key, phase: 'configure', result: 'failed', durationMs: 5, detail } as const
    expect(await registrar.report(report, '10.0.0.3')).toEqual({ status: 204 })
    state.nowMs += 60_000
    state.credential = { known: false, why: scrub(`the identity answered ${credential}`) }
    await claim(registrar)
    const written = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'latin1'))
    const everywhere = [...written, ...log, await metrics.text()].join('\n')
    expect(everywhere).toContain('credential-refused')
    expect(everywhere).toContain('was refused')
    expect(everywhere).toContain('phase="configure"')
    expect(everywhere).not.toContain(credential)
    expect(everywhere).not.toContain(key)
  } finally {
    await database.close()
    rmSync(folder, { recursive: true })
  }
})
