/** Holds deploy/azure-role.json to the Azure actions that the service asked for in a whole test run. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** As in sandbox/resource-manager/told-actions.ts. */
export const actionsChannel = 'scale-set-agents:azure-actions'
/** How the service calls itself: backend/adapters/compute.ts. */
export const serviceAgent = 'scale-set-agents'
/** Names the file of the run. */
export const recordVariable = 'RECORDED_ACTIONS_FILE'

/** Runs `run` with every Node process below it recording. Returns what was asked for, each once, and the result of `run`. */
export function recordActions(root, run) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'azure-actions-'))
  const file = path.join(folder, 'actions')
  const before = process.env.NODE_OPTIONS
  const recorder = pathToFileURL(path.join(root, 'scripts', 'record-actions.mjs'))
  process.env[recordVariable] = file
  process.env.NODE_OPTIONS = `${before ?? ''} --import=${recorder.href}`.trim()
  try {
    const result = run()
    const recorded = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    return { result, recorded: [...new Set(recorded)] }
  } finally {
    delete process.env[recordVariable]
    if (before === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = before
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is wrong with the role, one sentence for each action: it grants nothing that was not asked for, and lacks nothing that was. */
export function compareRole(granted, recorded) {
  // Azure compares actions without case.
  const lacks = (actions, wanted) => actions.every((action) => action.toLowerCase() !== wanted.toLowerCase())
  return [
    ...recorded
      .filter((action) => lacks(granted, action))
      .map((action) => `deploy/azure-role.json lacks ${action}, which the service asked a sandbox for.`),
    ...granted
      .filter((action) => lacks(recorded, action))
      .map((action) => `deploy/azure-role.json grants ${action}, which the service asked no sandbox for.`),
  ]
}

/** The comparison as one test. Returns Totals. */
export function checkRole(root, recorded) {
  const { Actions } = JSON.parse(readFileSync(path.join(root, 'deploy', 'azure-role.json'), 'utf8'))
  const problems = compareRole(Actions, recorded)
  for (const problem of problems) console.log(problem)
  if (problems.length === 0) console.log(`deploy/azure-role.json grants exactly the ${recorded.length} actions of this run.`)
  return problems.length === 0 ? { passed: 1, failed: 0, skipped: [] } : { passed: 0, failed: 1, skipped: [] }
}
