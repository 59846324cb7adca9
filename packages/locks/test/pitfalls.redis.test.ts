import { single } from './adapters.ts';
import { pitfalls } from './pitfalls.suite.ts';

pitfalls(single());
