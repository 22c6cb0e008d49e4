/** Splits a command line the way Python's `shlex.split` does (POSIX mode, no comments), which the Linux extension uses. */

/** An escaped character, 'quoted', "quoted", blanks, plain characters; anything else is a quote or a backslash that stands alone. */
const pieces = /\\([^])|'([^']*)'|"((?:\\[^]|[^"\\])*)"|([ \t\r\n]+)|([^\\'" \t\r\n]+)|([^])/g

/** @throws Error for a quote that is not closed or a backslash at the end. */
export function splitShellWords(text: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [, escaped, single, double, blanks, plain, stray] of text.matchAll(pieces)) {
    if (stray !== undefined)
      throw new Error(`The parameters cannot be split: a ${stray} stands alone, without a closing quotation or a character after it.`)
    if (blanks === undefined) word = (word ?? '') + (escaped ?? single ?? plain ?? unescape(double ?? ''))
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  return word === undefined ? words : [...words, word]
}

/** In double quotes a backslash escapes only itself and the quote. */
function unescape(text: string): string {
  return text.replace(/\\(["\\])/g, '$1')
}
