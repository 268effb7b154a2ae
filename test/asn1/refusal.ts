/** The error of something that must fail. */
export function refusal(attempt: () => unknown): unknown {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  return 'accepted';
}
