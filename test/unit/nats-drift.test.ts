import assert from 'node:assert/strict';
import { buckets, controlConsumersOf, streamsOf } from '#core/streams.ts';
import { describeDrift, driftOf } from '#integrations/nats/drift.ts';
import { bucketConfig, consumerConfig, streamConfig } from '#integrations/nats/stream-config.ts';

describe('what differs from the table of streams', () => {
  it('is nothing where the server leaves out what is empty, or writes a name of its own', () => {
    const wanted = {
      name: 'A',
      republish: undefined,
      allow_direct: false,
      compression: 'none',
      metadata: {},
    };
    const found = { name: 'A', metadata: { '_nats.ver': '2.15.1' }, consumer_limits: {} };

    assert.deepEqual(driftOf('A', wanted, found), []);
  });

  it('shows, also what this code does not know', () => {
    const drifts = driftOf('A', { max_age: 5 }, { max_age: 6, some_day: true, metadata: { by: 'hand' } });

    assert.deepEqual(drifts, [
      { of: 'A', field: 'max_age', wanted: 5, found: 6 },
      { of: 'A', field: 'some_day', wanted: undefined, found: true },
      { of: 'A', field: 'metadata', wanted: undefined, found: { by: 'hand' } },
    ]);
    assert.match(describeDrift(drifts), /A: max_age is 6, not 5; A: some_day is true, not unset/);
  });
});

describe('what the server is told', () => {
  it('leaves no setting of a stream to what was there', () => {
    const told = [...streamsOf('f1').map(streamConfig), ...buckets.map(bucketConfig)];

    for (const config of told) {
      assert.deepEqual(Object.keys(config).toSorted(), STREAM_SETTINGS, config.name);
    }
  });

  it('leaves no setting of a consumer to what was there', () => {
    for (const config of controlConsumersOf('f1').map(consumerConfig)) {
      assert.deepEqual(Object.keys(config).toSorted(), CONSUMER_SETTINGS);
    }
  });
});

/** Out of the documents of the server, apart from `persist_mode`: that is decided when a stream is made. */
const STREAM_SETTINGS =
  `allow_atomic allow_batched allow_direct allow_msg_counter allow_msg_schedules allow_msg_ttl allow_rollup_hdrs
  compression consumer_limits deny_delete deny_purge description discard discard_new_per_subject duplicate_window
  first_seq max_age max_bytes max_consumers max_msg_size max_msgs max_msgs_per_subject metadata mirror mirror_direct
  name no_ack num_replicas placement republish retention sealed sources storage subject_delete_marker_ttl
  subject_transform subjects`.split(/\s+/);

const CONSUMER_SETTINGS =
  `ack_policy ack_wait backoff deliver_group deliver_policy deliver_subject description durable_name filter_subject
  filter_subjects flow_control headers_only idle_heartbeat inactive_threshold max_ack_pending max_batch max_bytes
  max_deliver max_expires max_waiting mem_storage metadata name num_replicas opt_start_seq opt_start_time pause_until
  priority_groups priority_policy priority_timeout rate_limit_bps replay_policy sample_freq`.split(/\s+/);
