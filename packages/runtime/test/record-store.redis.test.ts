import { recordStoreContract } from '../src/record-store.contract.ts';
import { elapse, redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

recordStoreContract({ open: async (options) => (await redis.stores(options)).records, elapse });
