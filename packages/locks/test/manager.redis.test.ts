import { on, single } from './adapters.ts';
import { manager } from './manager.suite.ts';
import { pitfalls } from './pitfalls.suite.ts';

on(single(), [manager, pitfalls]);
