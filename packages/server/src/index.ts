/** The Ganglion daemon as a library: its HTTP API, and the reverse proxy, before nodes of your own. */

export { type ArtifactStore, artifactStore } from './host/artifact-store.ts';
export { type Daemon, type DaemonOptions, startDaemon } from './host/daemon.ts';
export { type HostNodeOptions, hostNode, linkInProcess } from './host/host-node.ts';
export { type AuthOptions, loadTokens, type Role, type TokenGrant, tokenGrant } from './http/auth.ts';
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http/limits.ts';
export { buildServer, type ServerOptions } from './http/server.ts';
export { createLogger, type Logger } from './log.ts';
export type { BackendChoice, BackendChooser, BackendRequest } from './proxy/balancer.ts';
export type { ExchangeRecord, ProxyOptions } from './proxy/options.ts';
export type { OutcomeCounts } from './proxy/outcome-queue.ts';
export { type PointChooser, type PointChooserOptions, pointChooser } from './proxy/point-chooser.ts';
export { createProxy, type ReverseProxy } from './proxy/proxy.ts';
export type { ObservedProxy } from './proxy/proxy-metrics.ts';
export {
  type CommandStep,
  type FunctionStep,
  type GateRule,
  type ModelPlan,
  planOf,
  readPlan,
  type TrainedModel,
  type TrainingPlan,
  type TrainingWindow,
} from './training/plan.ts';
export { startTrainer, type Trainer, type TrainerOptions } from './training/trainer.ts';
