/**
 * What a tool can be called. The name stands in paths, metrics, logs and keys of the fleet's store.
 */
export const TOOL_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/
