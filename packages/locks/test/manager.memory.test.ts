import { memory, on } from './adapters.ts';
import { manager } from './manager.suite.ts';
import { pitfalls } from './pitfalls.suite.ts';

on(memory(), [manager, pitfalls]);
