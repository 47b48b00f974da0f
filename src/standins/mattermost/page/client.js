/** What the page asks of the API, and the events that it hears. It is an ordinary client: nothing here is known to it alone. */
export class Client {
  #token;

  constructor(token) {
    this.#token = token;
  }

  /** The answer as JSON; throws with the server's own sentence. */
  async call(method, path, body) {
    const response = await fetch(`/api/v4${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const answer = await response.json().catch(() => undefined);
    if (response.ok) return answer;
    throw new Error(answer?.message ?? `the server answered ${response.status}`);
  }

  /** Calls `onEvent` for whatever happens, and again and again connects anew; `onState` says whether it is connected. */
  listen({ onEvent, onState }) {
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v4/websocket`);
    socket.onopen = () => {
      const data = { token: this.#token };
      socket.send(JSON.stringify({ seq: 1, action: 'authentication_challenge', data }));
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event === 'hello') onState(true);
      // What was missed while there was no connection is read with the rest.
      if (message.event) onEvent(message.event, message.data);
    };
    socket.onclose = () => {
      onState(false);
      setTimeout(() => this.listen({ onEvent, onState }), 2000);
    };
  }
}
