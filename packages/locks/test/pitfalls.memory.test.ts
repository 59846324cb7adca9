import { memory } from './adapters.ts';
import { pitfalls } from './pitfalls.suite.ts';

pitfalls(memory());
