import { stateStoreContract } from '../src/state-store.contract.ts';
import { elapse, redisOfThisFile } from './redis-stores.fixture.ts';

const redis = redisOfThisFile();

stateStoreContract({ open: async (options) => redis.stores(options), elapse });
