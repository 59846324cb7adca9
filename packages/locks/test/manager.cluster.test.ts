import { cluster, on } from './adapters.ts';
import { manager } from './manager.suite.ts';
import { pitfalls } from './pitfalls.suite.ts';

on(cluster(), [manager, pitfalls]);
