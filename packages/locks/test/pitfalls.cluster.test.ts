import { cluster } from './adapters.ts';
import { pitfalls } from './pitfalls.suite.ts';

pitfalls(cluster());
