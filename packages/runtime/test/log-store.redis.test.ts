import { logStoreContract } from '../src/log-store.contract.ts';
import { elapse, redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

logStoreContract({ open: async (options) => (await redis.stores(options)).log, elapse });
