/** The service as a process that is killed: the wiring of `serve`, at a speed. It has loaded everything before it is told to start. */
import { createLog } from '../../backend/adapters/log.ts'
import { startService, type ServiceOptions } from '../../backend/cli/service.ts'

process.once('disconnect', () => process.exit(0))
process.once('message', (options: Omit<ServiceOptions, 'log'>) => {
  startService({ ...options, log: createLog({ level: 'silent' }) }).then(
    (service) => {
      process.send?.({ url: service.url, operatorKey: service.operatorKey })
      process.once('message', () => void service.stop().then(() => process.exit(0)))
    },
    (error: unknown) => {
      process.send?.({ failed: error instanceof Error ? error.message : String(error) })
      process.exit(1)
    },
  )
})
process.send?.('loaded')
