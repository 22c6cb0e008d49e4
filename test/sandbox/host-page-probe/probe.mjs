/** A hub that does nothing by itself: it hands the unmodified SDK to the test, which runs its own code in here. */
import * as SDK from 'azure-devops-extension-sdk'
import { getClient } from 'azure-devops-extension-api'
import { TaskAgentRestClient } from 'azure-devops-extension-api/TaskAgent'

await SDK.init({ loaded: false })
document.querySelector('h1').textContent = `Hub for ${SDK.getUser().displayName}`
globalThis.probe = { SDK, taskAgent: getClient(TaskAgentRestClient), notes: [] }
await SDK.notifyLoadSucceeded()
