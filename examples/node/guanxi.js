'use strict';
/*
 * Guanxi for Node over koffi: what a host of this size needs of the C library, named by GUANXI_LIBRARY.
 * Rows come in blocks of JSON, which is the fastest shape that V8 reads from C. Everything is synchronous; a server
 * runs it in a worker thread, since any thread may use a session.
 */
const koffi = require('koffi');

const lib = koffi.load(process.env.GUANXI_LIBRARY || 'libguanxi.so.0');
const ROW = 1;

const Options = koffi.struct('guanxi_open_options', {
  struct_size: 'size_t',
  path: 'const char *',
  key: 'const uint8_t *',
  key_len: 'size_t',
  passphrase: 'const char *',
  cache_bytes: 'size_t',
  flags: 'uint64_t',
  locale: 'const char *',
  administrator_name: 'const char *',
  administrator_password: 'const char *',
});
/* The first layout of the structure ends where `durability` begins. */
const OPTIONS_SIZE = koffi.sizeof(Options);

const c = Object.fromEntries(
  [
    ['version', 'const char *guanxi_version()'],
    ['live', 'int64_t guanxi_debug_live_handles()'],
    ['errorKey', 'const char *guanxi_error_key(void *error)'],
    ['errorMessage', 'const char *guanxi_error_message(void *error)'],
    ['errorField', 'const char *guanxi_error_field(void *error)'],
    ['errorFree', 'void guanxi_error_free(void *error)'],
    ['create', 'int guanxi_create(guanxi_open_options *options, _Out_ void **out, _Out_ void **err)'],
    ['open', 'int guanxi_open(guanxi_open_options *options, _Out_ void **out, _Out_ void **err)'],
    ['close', 'int guanxi_close(void *engine, _Out_ void **err)'],
    ['signIn', 'int guanxi_sign_in(void *engine, const char *name, const char *password, _Out_ void **out, _Out_ void **err)'],
    ['sessionFree', 'void guanxi_session_free(void *session)'],
    ['call', 'int guanxi_call(void *session, const char *method, const char *parameters, _Out_ void **out, _Out_ void **err)'],
    ['bufferData', 'const char *guanxi_buffer_data(void *buffer)'],
    ['bufferFree', 'void guanxi_buffer_free(void *buffer)'],
    ['queryNew', 'void *guanxi_query_new(const char *entity)'],
    ['queryFilter', 'void guanxi_query_filter_json(void *query, const char *filter)'],
    ['querySort', 'void guanxi_query_sort(void *query, const char *field, int32_t descending)'],
    ['queryLimit', 'void guanxi_query_limit(void *query, uint64_t rows)'],
    ['queryFree', 'void guanxi_query_free(void *query)'],
    ['queryRun', 'int guanxi_query_run(void *session, void *query, _Out_ void **out, _Out_ void **err)'],
    ['count', 'int guanxi_count(void *session, void *query, _Out_ uint64_t *count, _Out_ void **err)'],
    ['search', 'int guanxi_search(void *session, const char *entity, const char *words, uint64_t limit, _Out_ void **out, _Out_ void **err)'],
    ['cursorJson', 'int guanxi_cursor_json(void *cursor, size_t rows, _Out_ void **out, _Out_ void **err)'],
    ['cursorFree', 'void guanxi_cursor_free(void *cursor)'],
    ['subscribe', 'int guanxi_subscribe(void *session, const char *filter, _Out_ void **out, _Out_ void **err)'],
    ['subscriptionNext', 'int guanxi_subscription_next(void *subscription, uint64_t timeout_ms, _Out_ void **out, _Out_ void **err)'],
    ['unsubscribe', 'void guanxi_unsubscribe(void *subscription)'],
  ].map(([name, declaration]) => [name, lib.func(declaration)]),
);

/** A call that failed; `key` is the stable key, such as `schema.required`. */
class GuanxiError extends Error {
  constructor(status, raw) {
    super(c.errorMessage(raw));
    this.status = status;
    this.key = c.errorKey(raw);
    this.field = c.errorField(raw);
    c.errorFree(raw);
  }
}

/** Makes a call with places for its result and its error: [status, result]. */
function made(call) {
  const out = [null];
  const err = [null];
  const status = call(out, err);
  if (status < 0) throw new GuanxiError(status, err[0]);
  return [status, out[0]];
}

/** The JSON in a buffer, which is freed. */
function taken(buffer) {
  try {
    return JSON.parse(c.bufferData(buffer));
  } finally {
    c.bufferFree(buffer);
  }
}

function options({ path, key, administrator = [null, null] }) {
  return {
    struct_size: OPTIONS_SIZE, path, key, key_len: key.length, passphrase: null, cache_bytes: 0, flags: 0,
    locale: null, administrator_name: administrator[0], administrator_password: administrator[1],
  };
}

class Crm {
  #engine;

  static create(given) {
    return new Crm(made((out, err) => c.create(options(given), out, err))[1]);
  }
  static open(given) {
    return new Crm(made((out, err) => c.open(options(given), out, err))[1]);
  }
  constructor(engine) {
    this.#engine = engine;
  }
  signIn(name, password) {
    return new Session(made((out, err) => c.signIn(this.#engine, name, password, out, err))[1]);
  }
  close() {
    made((_, err) => c.close(this.#engine, err));
    this.#engine = null;
  }
}

class Session {
  #session;

  constructor(session) {
    this.#session = session;
  }
  /** Calls a method by its name with an object, and gives its answer. */
  call(method, parameters = {}) {
    const given = JSON.stringify(parameters);
    return taken(made((out, err) => c.call(this.#session, method, given, out, err))[1]);
  }
  #asked(entity, { filter, sort, limit = 0 }, run) {
    const query = c.queryNew(entity);
    try {
      if (filter) c.queryFilter(query, JSON.stringify(filter));
      if (sort) c.querySort(query, sort.replace(/^-/, ''), sort.startsWith('-') ? 1 : 0);
      c.queryLimit(query, limit);
      return run(query);
    } finally {
      c.queryFree(query);
    }
  }
  count(entity, filter) {
    return this.#asked(entity, { filter }, (query) =>
      Number(made((out, err) => c.count(this.#session, query, out, err))[1]));
  }
  /** The records that meet a filter, one after the other, read in blocks of a thousand. */
  *query(entity, asked = {}) {
    yield* rows(this.#asked(entity, asked, (query) =>
      made((out, err) => c.queryRun(this.#session, query, out, err))[1]));
  }
  *search(words, limit = 0) {
    yield* rows(made((out, err) => c.search(this.#session, null, words, limit, out, err))[1]);
  }
  subscribe(filter = {}) {
    return made((out, err) => c.subscribe(this.#session, JSON.stringify(filter), out, err))[1];
  }
  free() {
    c.sessionFree(this.#session);
    this.#session = null;
  }
}

function* rows(cursor) {
  try {
    for (;;) {
      const [status, buffer] = made((out, err) => c.cursorJson(cursor, 1000, out, err));
      const block = taken(buffer);
      if (status !== ROW) return;
      for (const { values = {}, ...facts } of block) yield { ...facts, ...values };
    }
  } finally {
    c.cursorFree(cursor);
  }
}

/** The next changes of a subscription; null if there are none in time. */
function nextChanges(subscription, timeoutMs) {
  const [status, buffer] = made((out, err) => c.subscriptionNext(subscription, timeoutMs, out, err));
  return status === ROW ? taken(buffer) : null;
}

module.exports = {
  Crm, GuanxiError, nextChanges, unsubscribe: c.unsubscribe,
  version: () => c.version(), liveHandles: () => Number(c.live()),
};
