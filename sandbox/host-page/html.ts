/** The page as the server sends it: header, menu and an empty content area, which the page's script fills. */
import { menuOf } from './menu.ts'
import type { PageData } from './page-data.ts'

/** The address below which the page's own files and the sandbox's calls for it are. */
export const assetsPath = '/_sandbox/host-page'

export function pageHtml(data: PageData): string {
  const { page, project, organization } = data
  const settings = `${project === undefined ? 'Organization' : 'Project'} settings`
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(page.title)} - ${settings}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assetsPath}/page.css">
<script type="module" src="${assetsPath}/page.js"></script>
</head>
<body>
<script type="application/json" id="page-data">${json(data)}</script>
<a class="skip" href="#content" id="skip">Skip to main content</a>
<header class="top">
<button type="button" class="menu-button" id="menu-button" aria-expanded="false" aria-controls="menu">Menu</button>
<span class="product"><span class="product-mark" aria-hidden="true"></span>Azure DevOps <span class="tag">sandbox</span></span>
<nav class="breadcrumb" aria-label="Breadcrumb"><ol>${breadcrumb(data, settings)}</ol></nav>
<label class="choice">Theme <select id="theme"><option value="light">Light</option><option value="dark">Dark</option><option value="high-contrast">High contrast</option></select></label>
<label class="choice">Signed in as <select id="person">${data.people.map(personOption).join('')}</select></label>
<span class="avatar" id="avatar" aria-hidden="true"></span>
</header>
<div class="below">
<nav class="menu" id="menu" aria-label="${settings}">
<p class="menu-title">${settings}<span>${text(project?.name ?? organization.name)}</span></p>
${menu(data)}
</nav>
<div class="content" id="content" tabindex="-1"><div class="banners" id="banners"></div><div class="hub" id="hub"></div></div>
</div>
<div class="toasts" id="toasts" role="status"></div>
</body>
</html>
`
}

function breadcrumb({ organization, project, page }: PageData, settings: string): string {
  const project_ = project === undefined ? [] : [crumb(settingsPath(organization.name, project.name), project.name)]
  const crumbs = [crumb(settingsPath(organization.name), organization.name), ...project_, `<li>${settings}</li>`]
  return [...crumbs, `<li aria-current="page">${text(page.title)}</li>`].join('')
}

function crumb(path: string, name: string): string {
  return `<li><a href="${path}/scale-set-agents">${text(name)}</a></li>`
}

function menu({ organization, project, page }: PageData): string {
  const base = settingsPath(organization.name, project?.name)
  const groups = menuOf(project === undefined ? 'organization' : 'project').map(({ title, items }) => {
    const links = items.map(({ id, title: name }) => {
      const current = id === page.id ? ' aria-current="page"' : ''
      return `<li><a href="${base}/${id}"${current}>${text(name)}</a></li>`
    })
    return `<h2>${text(title)}</h2><ul>${links.join('')}</ul>`
  })
  return groups.join('\n')
}

function personOption({ id, displayName, right }: PageData['people'][number]): string {
  const may = { manage: 'manages all pools', use: 'uses pools', none: 'no rights' }[right]
  return `<option value="${text(id)}">${text(displayName)} (${may})</option>`
}

/** The settings' address of a project, or of the organization itself. */
function settingsPath(organization: string, project?: string): string {
  return [organization, ...(project === undefined ? [] : [project])].map((part) => `/${encodeURIComponent(part)}`).join('') + '/_settings'
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** JSON that cannot end the element it stands in. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
