import { stateStoreContract } from '../src/state-store.contract.ts';
import { postgresOfThisFile } from './postgres-stores.fixture.ts';
import { elapse } from './redis-stores.fixture.ts';

const postgres = postgresOfThisFile();

stateStoreContract({ open: postgres.stores, elapse });
