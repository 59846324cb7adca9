import { stateStoreContract } from '../src/state-store.contract.ts';
import { sqliteOfThisFile } from './sqlite-stores.fixture.ts';

const { stores, elapse } = sqliteOfThisFile();

stateStoreContract({ open: stores, elapse });
