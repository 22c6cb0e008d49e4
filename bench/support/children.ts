/** Child processes of a benchmark: each is sent its options and answers with its address. They end with this process. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Folder of the package: the programs run from its `dist/`. */
export const packageFolder = fileURLToPath(new URL('..', import.meta.url))

export type Child<Address> = {
  readonly address: Address
  tell(message: unknown): void
  /** Sends and waits for the answer; one question at a time. */
  ask<T>(message: unknown): Promise<T>
  stop(): Promise<void>
}

/** Starts `dist/bench-{name}.js`. @throws Error when it ends before it has an address. */
export async function startChild<Address>(name: 'sandbox' | 'service' | 'replica', options: object): Promise<Child<Address>> {
  const child = fork(new URL(`bench-${name}.js`, import.meta.url), { serialization: 'json' })
  const ended = once(child, 'exit')
  child.send(options)
  const address = await Promise.race([answerOf<Address>(child), ended.then(() => undefined)])
  if (address === undefined) throw new Error(`The ${name} did not start; its own words are above. Build it with npm run build.`)
  return {
    address,
    tell: (message) => void child.send(message as object),
    ask(message) {
      const answer = answerOf(child)
      child.send(message as object)
      return answer as Promise<never>
    },
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T]
  return message
}
