// Asking burgee. Requests end by themselves; what went wrong is said in a sentence.

/** burgee answered, but not with what was asked for. */
export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** The JSON at a path below /api. A `Refusal` if burgee says no; another error if it does not answer. */
export async function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) query.set(name, value);
  }
  const url = query.size > 0 ? `/api/${path}?${query}` : `/api/${path}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, {
    cache: 'no-store',
    credentials: 'omit',
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  if (response.ok) return response.json();
  throw new Refusal(response.status, await sentenceOf(response));
}

async function sentenceOf(response) {
  try {
    const body = await response.json();
    if (typeof body.error === 'string' && body.error) return body.error;
  } catch {
    // No JSON: the status has to do.
  }
  return `burgee answered with status ${response.status}.`;
}

const TIMEOUT_MS = 15_000;
