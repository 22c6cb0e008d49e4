/** An ARM template as Bicep: the same resources, with names in the place of expressions. */
type Value = string | number | boolean | readonly Value[] | { readonly [name: string]: Value }
type Resource = { readonly type: string; readonly apiVersion: string; readonly [name: string]: Value }
export type Template = {
  readonly parameters: Readonly<Record<string, { readonly type: string; readonly defaultValue?: string }>>
  readonly resources: readonly Resource[]
  readonly outputs: Readonly<Record<string, { readonly type: string; readonly value: string }>>
}

export function bicepOf({ parameters, resources, outputs }: Template): string {
  const declared = new Set(resources.map(({ type }) => type))
  return [
    ...Object.entries(parameters).map(([name, { type, defaultValue }]) => {
      const isSecret = type === 'secureString'
      const value = defaultValue === undefined ? '' : ` = ${literal(defaultValue, declared, '')}`
      return `${isSecret ? '@secure()\n' : ''}param ${name} string${value}`
    }),
    ...resources.map(
      ({ type, apiVersion, ...body }) => `resource ${symbolOf(type)} '${type}@${apiVersion}' = ${literal(body, declared, '')}`,
    ),
    ...Object.entries(outputs).map(([name, { value }]) => `output ${name} string = ${literal(value, declared, '')}`),
  ].join('\n\n')
}

/** `Microsoft.Network/natGateways` is `natGateways`. */
function symbolOf(type: string): string {
  return type.split('/').at(-1) ?? type
}

function literal(value: Value, declared: ReadonlySet<string>, indent: string): string {
  if (typeof value === 'string') return textOf(value, declared)
  if (typeof value !== 'object') return String(value)
  const inner = `${indent}  `
  if (isList(value)) return ['[', ...value.map((each) => inner + literal(each, declared, inner)), `${indent}]`].join('\n')
  const lines = Object.entries(value).map(([name, part]) => {
    const key = /^[a-z_]\w*$/i.test(name) ? name : quoted(name)
    return `${inner}${key}: ${name === 'dependsOn' ? dependencies(part, inner) : literal(part, declared, inner)}`
  })
  return ['{', ...lines, `${indent}}`].join('\n')
}

/** Bicep is told of resources, not of their ids. */
function dependencies(value: Value, indent: string): string {
  const symbols = isList(value) ? value.map((id) => `${indent}  ${symbolOf(/'([^']+)'/.exec(String(id))?.[1] ?? '')}`) : []
  return ['[', ...symbols, `${indent}]`].join('\n')
}

function textOf(text: string, declared: ReadonlySet<string>): string {
  const expression = /^\[(.*)\]$/s.exec(text)?.[1]
  if (expression === undefined) return quoted(text)
  const parameter = /^parameters\('(\w+)'\)$/.exec(expression)?.[1]
  if (parameter !== undefined) return parameter
  const type = /^resourceId\('([^']+)'/.exec(expression)?.[1]
  return type !== undefined && declared.has(type) ? `${symbolOf(type)}.id` : expression
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('${', '\\${')}'`
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}
