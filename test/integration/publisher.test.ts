import assert from 'node:assert/strict';
import { OlympusError } from '#core/errors.ts';
import { streamNames } from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import { LogPublisher, type Publishable, publish } from '#integrations/nats/publisher.ts';
import { createLogger } from '#lib/log.ts';
import { type NatsServer, startNatsServer } from '#test/nats-server.ts';
import { waitFor } from '#test/wait.ts';

const FOREIGN = 'SOMEBODY_ELSES';
const subjects = subjectsOf('olympus');

describe('what is published', () => {
  let server: NatsServer;
  let bus: BusConnection;
  before(async () => {
    server = await startNatsServer();
    bus = new BusConnection({
      url: server.url,
      name: 'test',
      log: createLogger({ name: 'test', level: 'fatal' }),
    });
    await bus.start();
    await waitFor('a connection', () => bus.connected);
  });
  after(async () => {
    await bus?.stop();
    await server?.[Symbol.asyncDispose]();
  });
  const add = async (name: string, taken: string) =>
    (await bus.manager()).streams.add({ name, subjects: [taken] });
  const stored = async (name: string) => (await (await bus.manager()).streams.info(name)).state.messages;

  /** Moves the subject from a foreign stream to the one of the table while it is asked for. */
  const triesBoth = async (
    stream: string,
    taken: string,
    send: () => Promise<unknown>,
  ): Promise<{ foreign: number; own: number }> => {
    const manager = await bus.manager();
    await add(FOREIGN, taken);
    await assert.rejects(send(), (error) => {
      assert.ok(error instanceof OlympusError);
      assert.equal(error.code, 'bus_unavailable');
      assert.match(error.message, /expected stream does not match/);
      return true;
    });
    const foreign = await stored(FOREIGN);
    await manager.streams.delete(FOREIGN);
    await add(stream, taken);
    await send();
    return { foreign, own: await stored(stream) };
  };

  it('waits for its own stream while another one has its subject, and lands there only', async () => {
    const dispatch = message(subjects.task('planning', 'athena', 'run-1'));

    const landed = await triesBoth(streamNames.tasks, 'olympus.tasks.>', () => publish(bus, dispatch));

    assert.deepEqual(landed, { foreign: 0, own: 1 });
  });

  it('does so when many facts go out together, of which one is confirmed', async () => {
    const log = new LogPublisher(bus);
    const facts = ['claimed', 'started', 'finished'].map((event) =>
      message(subjects.runEvent('athena', 'run-1', event)),
    );

    const landed = await triesBoth(streamNames.runlog, 'olympus.runs.>', () =>
      Promise.all(facts.map((fact) => log.publish(fact))),
    );

    assert.deepEqual(landed, { foreign: 0, own: 3 });
  });
});

function message(subject: string): Publishable {
  return { subject, msgId: subject, body: '{}' };
}
