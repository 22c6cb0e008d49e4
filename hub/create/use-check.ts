/** The check of a scale set, run again whenever what it depends on has been typed. */
import { useEffect, useState } from 'react'
import type { CheckReport, CheckRequest } from '../../backend/api/contract.ts'
import type { Answer } from '../answer.ts'
import { browserClock } from '../clock.ts'
import { useHub } from '../context.ts'

export type Checked = {
  readonly busy: boolean
  /** Of what is in the form now; undefined while it is not checked. */
  readonly answer: Answer<CheckReport> | undefined
  /** Of the same scale set with other settings, while those of the form are being checked. */
  readonly before: Answer<CheckReport> | undefined
  readonly again: () => void
}

const typingMs = 700

/** `request` undefined: there is nothing to check yet. */
export function useCheck(request: CheckRequest | undefined): Checked {
  const { service } = useHub()
  const [kept, keep] = useState<{ readonly key: string; readonly scaleSetId: string; readonly answer: Answer<CheckReport> } | undefined>()
  const [turn, setTurn] = useState(0)
  const key = request === undefined ? '' : `${turn} ${JSON.stringify(request)}`
  useEffect(() => {
    if (request === undefined) return undefined
    const left = new AbortController()
    const callOff = browserClock.after(typingMs, () => {
      void service.check(request, left.signal).then((answer) => {
        if (!left.signal.aborted) keep({ key, scaleSetId: request.scaleSetId, answer })
      })
    })
    return () => {
      callOff()
      left.abort()
    }
    // The key stands for the request.
  }, [service, key])
  const answer = kept?.key === key ? kept.answer : undefined
  const before = kept?.scaleSetId === request?.scaleSetId ? kept?.answer : undefined
  return { busy: request !== undefined && answer === undefined, answer, before, again: () => setTurn(turn + 1) }
}
