/** The sandbox as a child process of a benchmark, which sends it its options and life times. Ends with its parent. */
import { startSandbox, type SandboxOptions } from '../sandbox/sandbox.ts'

process.once('disconnect', () => process.exit(0))
process.once('message', (options: SandboxOptions) => {
  void startSandbox(options).then(({ url, organizationUrl, caFile }) => process.send?.({ url, organizationUrl, caFile }))
})
