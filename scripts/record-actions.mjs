/** Loaded into every Node process of a whole test run: writes down which Azure actions the service asked a sandbox for. */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { actionsChannel, recordVariable, serviceAgent } from './azure-role.mjs'

const file = process.env[recordVariable]
const written = new Set()

if (file !== undefined)
  subscribe(actionsChannel, ({ userAgent, actions }) => {
    // Other clients of the sandbox are tests themselves.
    if (userAgent !== serviceAgent) return
    for (const action of actions.filter((each) => !written.has(each))) {
      written.add(action)
      appendFileSync(file, `${action}\n`)
    }
  })
