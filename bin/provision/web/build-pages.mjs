#!/usr/bin/env node
/** Builds the pages alone, for an image. Provisioning of a clone does it too. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pagesStep } from './pages.mjs';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const step = pagesStep(root);
await step.work();
if (!step.done()) throw new Error('the pages are missing after their build');
