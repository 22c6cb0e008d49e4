export const actionsChannel: string
export const serviceAgent: string
export function compareRole(granted: readonly string[], recorded: readonly string[]): readonly string[]
