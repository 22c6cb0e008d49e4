/** Elements from their parts. Text is only ever text: nothing here parses HTML. */

type Attributes = Readonly<Record<string, string>>

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

export function button(text: string, className: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', class: className }, text)
  made.addEventListener('click', onClick)
  return made
}

export function closeButton(onClick: () => void): HTMLButtonElement {
  const made = button('×', 'close', onClick)
  made.setAttribute('aria-label', 'Close')
  return made
}

/** A link to an http or https address, or its bare text. */
export function link(text: string, href: string, attributes: Attributes = {}): Node {
  const url = webAddress(href)
  return url === undefined ? new Text(text) : element('a', { href: url, rel: 'noopener', ...attributes }, text)
}

/** The address, made absolute; undefined for any that is not http or https, such as one that runs a script. */
export function webAddress(href: string): string | undefined {
  const url = URL.canParse(href, location.href) ? new URL(href, location.href) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) ? url.href : undefined
}

/** The element of the page with this id. Throws when the page was sent without it. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`The page has no element #${id}.`)
  return found
}
