/** Runs a script; when it fails, prints its message without a stack, and exits with 1. */
export async function explain(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
