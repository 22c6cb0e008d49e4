/** Asks before something that is not saved is left: within the hub, and when the browser leaves. */
import { useCallback, useEffect } from 'react'
import { useHub, type LeaveQuestion } from './context.ts'

/** What would be lost; undefined: nothing. The function that it returns stops the asking at once. */
export function useLeaveQuestion(question: LeaveQuestion | undefined): () => void {
  const { guard } = useHub()
  useEffect(() => {
    if (question === undefined) return undefined
    guard(question)
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault()
    globalThis.addEventListener('beforeunload', ask)
    return () => {
      guard(undefined)
      globalThis.removeEventListener('beforeunload', ask)
    }
  }, [question, guard])
  return useCallback(() => guard(undefined), [guard])
}
