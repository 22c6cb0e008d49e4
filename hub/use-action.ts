/** A change that a person asked for: one at a time, and what came of it is told. */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { Answer, Failure } from './answer.ts'

export type Action = {
  readonly busy: boolean
  /** Of the last call; gone with the next. */
  readonly failure: Failure | undefined
  /** Does nothing while one runs. */
  readonly run: <T>(change: () => Promise<Answer<T>>, done: (value: T) => void) => void
  readonly forget: () => void
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure | undefined>()
  const here = useRef(true)
  const running = useRef(false)
  useEffect(() => () => void (here.current = false), [])
  const run = useCallback(<T>(change: () => Promise<Answer<T>>, done: (value: T) => void): void => {
    if (running.current) return
    running.current = true
    setBusy(true)
    setFailure(undefined)
    void change().then((answer) => {
      running.current = false
      if (!here.current) return
      setBusy(false)
      if (answer.ok) done(answer.value)
      else setFailure(answer.failure)
    })
  }, [])
  return { busy, failure, run, forget: useCallback(() => setFailure(undefined), []) }
}
