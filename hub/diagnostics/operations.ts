/** The operations of Diagnostics, as the built-in feature calls them. */
import type { LogView } from '../../backend/api/contract.ts'

export const operationNames: Readonly<Record<LogView['operation'], string>> = {
  configurationJob: 'Configuration',
  sizingJob: 'Sizing',
  increaseCapacity: 'Increase capacity',
  reimage: 'Reimage',
  deleteVMs: 'Delete machines',
}
