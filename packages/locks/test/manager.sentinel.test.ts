import { on, sentinel } from './adapters.ts';
import { manager } from './manager.suite.ts';
import { pitfalls } from './pitfalls.suite.ts';

on(sentinel(), [manager, pitfalls]);
