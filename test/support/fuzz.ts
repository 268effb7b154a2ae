/** Runs of each fast-check property: enough to matter on a developer's machine, many in CI. */
export const fuzzRuns: number = process.env.CI === 'true' ? 10_000 : 1_000;
