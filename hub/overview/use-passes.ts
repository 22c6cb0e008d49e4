/** The passes of the last hours, newest first. */
import { useRef } from 'react'
import type { PassView } from '../../backend/api/contract.ts'
import { useHub } from '../context.ts'
import { readNewest, type Kept } from '../newest-first.ts'
import { useResource, type Watched } from '../use-resource.ts'

const shownMs = 6 * 3_600_000
const everyMs = 15_000
const top = 200
/** A pool that changes with each pass has more than can be drawn. */
const pagesMax = 5

export function usePasses(poolId: number): Watched<readonly PassView[]> {
  const { service } = useHub()
  const kept = useRef<Kept<PassView>>({ rows: [] })
  return useResource({
    key: `passes ${poolId}`,
    everyMs,
    isEmpty: (passes) => passes.length === 0,
    async read(signal) {
      const page = async (before: number | undefined) => {
        const answer = await service.passes(poolId, { top, ...(before === undefined ? {} : { before }) }, signal)
        return answer.ok ? { ok: true as const, value: { rows: answer.value.passes, ...nextOf(answer.value.next) } } : answer
      }
      const answer = await readNewest<PassView>(page, kept.current, {
        pagesMax,
        isEnough: (oldest, newest) => oldest.lastAtMs < newest.lastAtMs - shownMs,
      })
      if (!answer.ok) return answer
      kept.current = answer.value
      // By the service's own clock: the browser's may be another.
      const since = (answer.value.rows[0]?.lastAtMs ?? 0) - shownMs
      const shown = answer.value.rows.filter(({ lastAtMs }) => lastAtMs >= since).slice(0, top * pagesMax)
      return { ok: true, value: shown }
    },
  })
}

function nextOf(next: number | undefined): { readonly next?: number } {
  return next === undefined ? {} : { next }
}
