/** The Ganglion daemon as a library: its HTTP API before nodes of your own. */
export { type Daemon, type DaemonOptions, startDaemon } from './host/daemon.ts';
export { type HostNodeOptions, hostNode, linkInProcess } from './host/host-node.ts';
export { type AuthOptions, loadTokens, type Role, type TokenGrant, tokenGrant } from './http/auth.ts';
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http/limits.ts';
export { buildServer, type ServerOptions } from './http/server.ts';
export { createLogger, type Logger } from './log.ts';
