/** Long lists that grow at their newest end: read back page by page once, then only what is new. */
import type { Answer } from './answer.ts'

type Row = { readonly id: number }
export type Page<T> = { readonly rows: readonly T[]; readonly next?: number }
export type ReadPage<T> = (before: number | undefined) => Promise<Answer<Page<T>>>
/** Newest first. `next` is where older ones begin; absent: there are none. */
export type Kept<T> = Page<T>

type Wish<T> = { readonly pagesMax: number; readonly isEnough: (oldest: T, newest: T) => boolean }

/** Reads from the newest until a row that is kept already, or until it is enough. */
export async function readNewest<T extends Row>(
  read: ReadPage<T>,
  kept: Kept<T>,
  { pagesMax, isEnough }: Wish<T>,
): Promise<Answer<Kept<T>>> {
  const found: T[] = []
  let next: number | undefined
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await read(next)
    if (!answer.ok) return answer
    found.push(...answer.value.rows)
    next = answer.value.next
    const [newest, oldest] = [found[0], found.at(-1)]
    if (newest === undefined || oldest === undefined || next === undefined) return { ok: true, value: { rows: found } }
    if (meets(kept, oldest)) return { ok: true, value: joined(found, kept) }
    if (isEnough(oldest, newest)) break
  }
  return { ok: true, value: { rows: found, ...(next === undefined ? {} : { next }) } }
}

/** One page more at the old end. */
export async function readOlder<T extends Row>(read: ReadPage<T>, kept: Kept<T>): Promise<Answer<Kept<T>>> {
  if (kept.next === undefined) return { ok: true, value: kept }
  const answer = await read(kept.next)
  if (!answer.ok) return answer
  const { rows, next } = answer.value
  return { ok: true, value: { rows: [...kept.rows, ...rows], ...(next === undefined ? {} : { next }) } }
}

function meets<T extends Row>(kept: Kept<T>, oldest: T): boolean {
  const newest = kept.rows[0]
  return newest !== undefined && oldest.id <= newest.id
}

/** What was just read goes before what was kept: a row may have changed since. */
function joined<T extends Row>(found: readonly T[], kept: Kept<T>): Kept<T> {
  const oldest = found.at(-1)?.id ?? Number.POSITIVE_INFINITY
  return { ...kept, rows: [...found, ...kept.rows.filter(({ id }) => id < oldest)] }
}
