import { cut, fit, harmless, painter, table, widthOf, wrap } from '../../backend/cli/text.ts'

const red = painter(true)('red', 'red')

it('counts what a person sees', () => {
  expect(widthOf(red)).toBe(3)
  expect(fit(red, 5)).toBe(`${red}  `)
  expect(fit('abcdef', 4)).toBe('abc…')
  expect(cut('abcdef', 0)).toBe('')
})

it('paints nothing without colour', () => {
  expect(painter(false)('red', 'red')).toBe('red')
})

it('takes out what would steer the terminal', () => {
  expect(harmless('a\u001b[2Jb\r\nc\u009bd')).toBe('a [2Jb c d')
})

it('breaks at spaces and cuts what is left', () => {
  expect(wrap('one two three', 9, 3)).toEqual(['one two', 'three'])
  expect(wrap('one two three four', 9, 2)).toEqual(['one two', 'three fo…'])
  expect(wrap('extraordinarily', 8, 2)).toEqual(['extraor…'])
})

it('aligns words left and numbers right', () => {
  const rows = [
    { name: 'linux', jobs: 3 },
    { name: 'windows-agents', jobs: 120 },
  ]
  const columns = [
    { title: 'POOL', value: (row: (typeof rows)[number]) => row.name },
    { title: 'JOBS', value: (row: (typeof rows)[number]) => row.jobs },
    { title: 'NOTE', value: () => undefined },
  ]
  expect(table(rows, columns, painter(false))).toBe(
    ['POOL            JOBS  NOTE', 'linux              3  -', 'windows-agents   120  -'].join('\n'),
  )
})
