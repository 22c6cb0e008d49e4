/** Processes to kill: the next one is loaded while the present one works, so that a start costs little. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { ServiceOptions } from '../../backend/cli/service.ts'

export type Address = { readonly url: string; readonly operatorKey: string }
export type Victim = {
  /** When it listens; undefined when it was killed before. @throws Error when it could not start. */
  readonly listens: Promise<Address | undefined>
  kill(): Promise<void>
  /** Lets it end by itself. */
  stop(): Promise<void>
}

export type Victims = { next(options: Omit<ServiceOptions, 'log'>): Promise<Victim>; end(): Promise<void> }

type Said = Address | { readonly failed: string }

export function createVictims(program: string): Victims {
  let waiting = load(program)
  return {
    async next(options) {
      const child = await waiting
      waiting = load(program)
      const ended = once(child, 'exit').then(() => undefined)
      const said = once(child, 'message').then(([message]) => message as Said)
      child.send(options)
      const listens = Promise.race([said, ended]).then((message) => {
        if (message !== undefined && 'failed' in message) throw new Error(`The service did not start again: ${message.failed}`)
        return message
      })
      // Whoever kills it early does not wait for it to listen.
      listens.catch(() => undefined)
      return {
        listens,
        async kill() {
          child.kill('SIGKILL')
          await ended
        },
        async stop() {
          child.send('stop')
          await ended
        },
      }
    },
    async end() {
      const child = await waiting
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

async function load(program: string): Promise<ChildProcess> {
  const child = fork(program, { serialization: 'json' })
  await once(child, 'message')
  return child
}
