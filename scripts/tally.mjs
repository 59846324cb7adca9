// Prints `N passed, N failed` over the check and the tests, and exits accordingly. Plain
// JavaScript: it also has to speak when the install failed and only the machine's Node is there.
import { readFileSync } from 'node:fs';

const [check, tests] = process.argv.slice(2).map(Number);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(new URL('../.cache/test-report.json', import.meta.url), 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
} catch {
  // No report: the run never came to its tests, and its exit code says so below.
}
// A file that cannot be loaded, or an error between tests, fails the run without failing a test.
if (tests !== 0 && failed === 0) failed += 1;
if (check === 0) passed += 1;
else failed += 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
