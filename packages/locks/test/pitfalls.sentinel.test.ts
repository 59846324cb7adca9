import { sentinel } from './adapters.ts';
import { pitfalls } from './pitfalls.suite.ts';

pitfalls(sentinel());
