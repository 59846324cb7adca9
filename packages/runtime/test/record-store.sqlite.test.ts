import { recordStoreContract } from '../src/record-store.contract.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const { stores, elapse } = sqliteOfThisFile();

recordStoreContract({ open: async (options) => (await stores(options)).records, elapse });
