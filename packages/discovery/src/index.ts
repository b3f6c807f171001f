export { LiveRegistry, type Registry, type RegistryEvent } from "./live-registry.ts";
export {
  checkServiceName,
  isEnv,
  isServiceName,
  maxNameLength,
  maxPort,
  parseBindAddress,
  parseDialAddress,
  parseDialNetwork,
  parseEnv,
  type BindAddress,
  type DialAddress,
  type DialNetwork,
} from "./names.ts";
export type { Publication, PublishInit } from "./own-services.ts";
export type { Reachability } from "./reachability.ts";
export { RecordStore, type MergeResult, type RecordStoreLimits, type RecordStoreOptions, type StoreCallback } from "./record-store.ts";
export { decodeRecord, encodeRecord, maxIncarnation, maxPayloadBytes, recordHeaderBytes, recordKinds, type StoredRecord } from "./record.ts";
export { OriginCollector, type OriginCollectorOptions } from "./replication/origin-collector.ts";
export { isReplicaMessage, type ReplicaMessage } from "./replication/replica-message.ts";
export type { ReplicaLink, ReplicaPeer } from "./replication/replica-link.ts";
export { Replication, type ReplicationOptions, type ReplicationStats } from "./replication/replication.ts";
export type { ProviderFacts } from "./balancer.ts";
export { ResolveError, Resolver, type Attempt, type Choice, type ConnectToProvider, type ResolveQuery, type ResolverOptions } from "./resolver.ts";
export { drawUnit, type CustomSelect, type SelectPolicy } from "./select.ts";
export { ServiceDirectory, type ServiceDirectoryOptions } from "./service-directory.ts";
export { compareServices, serviceUid, type ServiceInfo } from "./service-info.ts";
