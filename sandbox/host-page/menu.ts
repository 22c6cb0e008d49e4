/** The settings' menu: Azure DevOps' own pages by group, and our hub where contributed hubs are listed. */

export type MenuItem = { readonly id: string; readonly title: string }
export type MenuGroup = { readonly title: string; readonly items: readonly MenuItem[] }

/** The last part of the address of our hub's page. */
export const hubItem: MenuItem = { id: 'scale-set-agents', title: 'Scale set agents' }

/** The page of a build, which is in no menu: empty, so that links to builds lead somewhere. */
export const buildItem: MenuItem = { id: 'build-results', title: 'Build' }

const extensions: MenuGroup = { title: 'Extensions', items: [hubItem] }

/** Names and addresses of the pages as people know them; only our hub has content in the sandbox. */
const organizationMenu: readonly MenuGroup[] = [
  group('General', ['organizationOverview', 'Overview'], ['projects', 'Projects'], ['users', 'Users'], ['extensions', 'Extensions']),
  group('Security', ['policy', 'Policies'], ['groups', 'Permissions']),
  group('Pipelines', ['agentpools', 'Agent pools'], ['pipelinessettings', 'Settings'], ['buildqueue', 'Parallel jobs']),
  extensions,
]
const projectMenu: readonly MenuGroup[] = [
  group('General', ['projectOverview', 'Overview'], ['teams', 'Teams'], ['permissions', 'Permissions']),
  group(
    'Pipelines',
    ['agentqueues', 'Agent pools'],
    ['buildqueue', 'Parallel jobs'],
    ['settings', 'Settings'],
    ['adminservices', 'Service connections'],
  ),
  group('Repos', ['repositories', 'Repositories']),
  extensions,
]

export function menuOf(context: 'organization' | 'project'): readonly MenuGroup[] {
  return context === 'project' ? projectMenu : organizationMenu
}

/** The page of an address' last part; undefined when the settings have none of that name. */
export function itemOf(menu: readonly MenuGroup[], id: string): MenuItem | undefined {
  return menu.flatMap(({ items }) => items).find((item) => item.id.toLowerCase() === id.toLowerCase())
}

function group(title: string, ...items: readonly (readonly [string, string])[]): MenuGroup {
  return { title, items: items.map(([id, name]) => ({ id, title: name })) }
}
