/** The enums of Azure DevOps' task agent API, name to number. Source: the public SDKs' type declarations. */

export const agentStatus = { offline: 1, online: 2 } as const
export const poolType = { automation: 1, deployment: 2 } as const
export const poolOptions = { none: 0, elasticPool: 1, singleUseAgents: 2, preserveAgentOnJobFailure: 4 } as const
export const actionFilter = { none: 0, manage: 2, use: 16 } as const
export const taskResult = { succeeded: 0, succeededWithIssues: 1, failed: 2, canceled: 3, skipped: 4, abandoned: 5 } as const
export const projectState = { new: 0, wellFormed: 1, deleting: 2, createPending: 3 } as const
export const projectVisibility = { private: 0, organization: 1, public: 2 } as const
export const elasticPoolState = { online: 0, offline: 1, unhealthy: 2, new: 3 } as const
export const operatingSystem = { windows: 0, linux: 1 } as const
export const orchestration = { uniform: 0, flexible: 1 } as const
