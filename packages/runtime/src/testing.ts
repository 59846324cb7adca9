// Contract suites, for adapters of your own
export { type LogStoreHarness, logStoreContract } from './log-store.contract.ts';
export { type MachineDriverHarness, machineDriverContract } from './machine-driver.contract.ts';
export { type RecordStoreHarness, recordStoreContract } from './record-store.contract.ts';
export { type StateStoreHarness, stateStoreContract } from './state-store.contract.ts';
// Many nodes in one process
export { Cluster, type ClusterNode, type ClusterOptions } from './testing-cluster.ts';
export { type CommitFault, type RequestFault, withCommitFaults, withRequestFaults } from './testing-faults.ts';
export { Gate, GatedClock, gatedStore, gatedTransport } from './testing-gate.ts';
export { migratedView } from './testing-migrations.ts';
export { type TransportHarness, transportContract } from './transport.contract.ts';
