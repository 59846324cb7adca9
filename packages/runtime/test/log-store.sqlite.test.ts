import { logStoreContract } from '../src/log-store.contract.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const { stores, elapse } = sqliteOfThisFile();

logStoreContract({ open: async (options) => (await stores(options)).log, elapse });
