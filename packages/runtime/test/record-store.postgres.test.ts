import { recordStoreContract } from '../src/record-store.contract.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { elapse } from './redis-stores.fixture.ts';

const postgres = postgresOfThisFile();

recordStoreContract({ open: async (options) => (await postgres.stores(options)).records, elapse });
