/** The sandbox's history names changes and holds no secret; a line that a kill cut short does no harm. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readWorld } from '../../backend/cli/audit-world.ts'
import { createHistoryFile } from '../../sandbox/history-file.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'history-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const call = { method: 'PATCH', path: '/set', status: 200, realMs: 5, ifMatch: '"1"' }

test('a call is kept with what names its change, and with nothing else of its body', () => {
  const file = join(folder, 'history.jsonl')
  const history = createHistoryFile(file)
  history.call({ ...call, body: { sku: { capacity: 3 }, properties: { protectedSettings: { token: 'planted-secret' } } } })
  history.event({ at: 1, kind: 'tags', scaleSetId: 'set' })
  history.close()
  history.event({ at: 2, kind: 'tags', scaleSetId: 'set' })
  expect(readFileSync(file, 'utf8')).not.toContain('planted-secret')
  expect(readWorld(file)).toEqual({ calls: [{ ...call, capacity: 3 }], events: [{ at: 1, kind: 'tags', scaleSetId: 'set' }], isCut: false })
})

test('a last line without its end is left out', () => {
  const file = join(folder, 'history.jsonl')
  const history = createHistoryFile(file)
  history.call({ ...call, body: { instanceIds: [4], enabled: false } })
  history.close()
  appendFileSync(file, '{"event":{"at":1,"ki')
  expect(readWorld(file)?.calls).toEqual([{ ...call, instanceIds: ['4'], enabled: false }])
  expect(readWorld(join(folder, 'nothing'))).toBeUndefined()
})
