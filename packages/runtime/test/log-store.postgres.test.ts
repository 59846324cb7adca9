import { logStoreContract } from '../src/log-store.contract.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { elapse } from './redis-stores.fixture.ts';

const postgres = postgresOfThisFile();

logStoreContract({ open: async (options) => (await postgres.stores(options)).log, elapse });
