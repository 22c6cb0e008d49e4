/** Pausing and resuming a pool. */
import { useEffect } from 'react'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { useHub } from '../context.ts'
import { useAction } from '../use-action.ts'

type Pausable = Pick<PoolSummary, 'poolId' | 'paused'>

export function usePause({ poolId, paused }: Pausable, again: () => void): { readonly busy: boolean; readonly toggle: () => void } {
  const { service, say } = useHub()
  const { busy, failure, run } = useAction()
  useEffect(() => {
    if (failure !== undefined) say(failure.message, 'error')
  }, [failure, say])
  const toggle = (): void =>
    run(
      () => (paused ? service.resume(poolId) : service.pause(poolId)),
      ({ message }) => {
        say(message)
        again()
      },
    )
  return { busy, toggle }
}
