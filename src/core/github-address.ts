/** From where a repository is cloned, by the address of the API that it is reached with. */
export function cloneUrlOf(apiUrl: string, name: string): string {
  const url = new URL(apiUrl);
  const origin = url.hostname === 'api.github.com' ? 'https://github.com' : url.origin;
  return `${origin}/${name}.git`;
}

/** As whom an agent commits, so that GitHub shows its account beside its commits. */
export function commitEmailOf(apiUrl: string, login: string): string {
  const { hostname } = new URL(apiUrl);
  return `${login}@users.noreply.${hostname === 'api.github.com' ? 'github.com' : hostname}`;
}
