/**
 * Guanxi (关系) for C++17: the C interface of guanxi.h with owners that free what they hold, and errors that are thrown.
 *
 * Header-only: it needs nothing but the C library. Each class owns one handle, moves and does not copy, and follows
 * the thread rule of the C type that it owns. `get()` lends the handle for what is not here.
 * Text that a cursor gives is borrowed until the next row. Since 0.1.
 */
#ifndef GUANXI_HPP
#define GUANXI_HPP

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "guanxi.h"

namespace guanxi {

/** A failed call. It holds copies, so it may outlive everything. */
class error : public std::runtime_error {
 public:
  /** Takes over an error of the C interface and frees it. */
  error(guanxi_status status, guanxi_error *raw)
      : std::runtime_error(raw != nullptr ? guanxi_error_message(raw) : "an error without words"),
        status_(status),
        key_(guanxi_error_key(raw)),
        entity_(guanxi_error_entity(raw)),
        record_(guanxi_error_record(raw)),
        field_(guanxi_error_field(raw)),
        rule_(guanxi_error_rule(raw)),
        json_(guanxi_error_json(raw)),
        retryable_(guanxi_error_retryable(raw) != 0) {
    guanxi_error_free(raw);
  }

  /** The status number, below 0. */
  guanxi_status status() const noexcept { return status_; }
  /** The stable key, such as `schema.required`. */
  const std::string &key() const noexcept { return key_; }
  /** The entity that the error speaks of, or "". */
  const std::string &entity() const noexcept { return entity_; }
  /** The record that the error speaks of, or "". */
  const std::string &record() const noexcept { return record_; }
  /** The field, parameter or argument that the error speaks of, or "". */
  const std::string &field() const noexcept { return field_; }
  /** The rule that was broken, or "". */
  const std::string &rule() const noexcept { return rule_; }
  /** Everything about the error as JSON. */
  const std::string &json() const noexcept { return json_; }
  /** Whether the same call may succeed when it is made again. */
  bool retryable() const noexcept { return retryable_; }

 private:
  guanxi_status status_;
  std::string key_, entity_, record_, field_, rule_, json_;
  bool retryable_;
};

namespace detail {

/** Makes a call with a place for its error, and throws what it leaves there. */
template <class Call>
guanxi_status check(Call &&call) {
  guanxi_error *raw = nullptr;
  const guanxi_status status = call(&raw);
  if (status < 0) throw error(status, raw);
  return status;
}

template <class Handle, void (*Free)(Handle *)>
struct deleter {
  void operator()(Handle *handle) const noexcept { Free(handle); }
};

template <class Handle, void (*Free)(Handle *)>
using owner = std::unique_ptr<Handle, deleter<Handle, Free>>;

/** A new handle that a call gives through an out-parameter. */
template <class Handle, class Call>
Handle *made(Call &&call) {
  Handle *handle = nullptr;
  check([&](guanxi_error **err) { return call(&handle, err); });
  return handle;
}

inline const char *or_null(const std::optional<std::string> &text) {
  return text ? text->c_str() : nullptr;
}

}  // namespace detail

/** The id of a record. */
struct id {
  std::array<std::uint8_t, 16> bytes{};

  /** As a hyphenated UUID, as JSON has it. */
  std::string text() const {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t place = 0; place < bytes.size(); place++) {
      if (place == 4 || place == 6 || place == 8 || place == 10) text += '-';
      text += digits[bytes[place] >> 4];
      text += digits[bytes[place] & 15];
    }
    return text;
  }

  friend bool operator==(const id &left, const id &right) { return left.bytes == right.bytes; }
  friend bool operator!=(const id &left, const id &right) { return !(left == right); }
};

/** A day of the Gregorian calendar. */
struct date {
  std::int32_t year = 0, month = 0, day = 0;
};

/** An exact amount, as its digits, and its currency, "" for a plain decimal. */
struct amount {
  std::string digits, currency;

  explicit amount(const guanxi_decimal &raw) {
    /* 96 bits, divided by ten a digit at a time in pieces of 32. */
    std::uint32_t parts[3] = {raw.high, static_cast<std::uint32_t>(raw.low >> 32),
                              static_cast<std::uint32_t>(raw.low)};
    std::size_t scale = raw.scale_and_sign & GUANXI_DECIMAL_SCALE;
    do {
      std::uint64_t rest = 0;
      for (std::uint32_t &part : parts) {
        rest = (rest << 32) | part;
        part = static_cast<std::uint32_t>(rest / 10);
        rest %= 10;
      }
      digits.insert(digits.begin(), static_cast<char>('0' + rest));
    } while (parts[0] != 0 || parts[1] != 0 || parts[2] != 0);
    if (scale > 0) {
      if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
      digits.insert(digits.size() - scale, 1, '.');
    }
    if ((raw.scale_and_sign & GUANXI_DECIMAL_NEGATIVE) != 0) digits.insert(0, 1, '-');
    if (raw.currency[0] != 0) currency.assign(reinterpret_cast<const char *>(raw.currency), 3);
  }
};

/** A record that is put together; see guanxi_record. One thread at a time. */
class record {
 public:
  explicit record(const std::string &entity) : handle_(guanxi_record_new(entity.c_str())) {}

  record &set(const std::string &field, const std::string &value) {
    guanxi_record_set_text(get(), field.c_str(), value.c_str());
    return *this;
  }
  record &set(const std::string &field, const char *value) {
    guanxi_record_set_text(get(), field.c_str(), value);
    return *this;
  }
  record &set(const std::string &field, std::int64_t value) {
    guanxi_record_set_int(get(), field.c_str(), value);
    return *this;
  }
  record &set(const std::string &field, int value) { return set(field, static_cast<std::int64_t>(value)); }
  record &set(const std::string &field, bool value) {
    guanxi_record_set_bool(get(), field.c_str(), value ? 1 : 0);
    return *this;
  }
  record &set(const std::string &field, const id &value) {
    guanxi_record_set_reference(get(), field.c_str(), value.bytes.data());
    return *this;
  }
  record &set(const std::string &field, std::nullptr_t) {
    guanxi_record_set_null(get(), field.c_str());
    return *this;
  }
  /** A day, written as `2026-11-22`. */
  record &set_date(const std::string &field, const std::string &value) {
    guanxi_record_set_date(get(), field.c_str(), value.c_str());
    return *this;
  }
  /** A moment by RFC 3339. */
  record &set_datetime(const std::string &field, const std::string &value) {
    guanxi_record_set_datetime(get(), field.c_str(), value.c_str());
    return *this;
  }
  /** An exact decimal, written as text. */
  record &set_decimal(const std::string &field, const std::string &value) {
    guanxi_record_set_decimal(get(), field.c_str(), value.c_str());
    return *this;
  }
  /** An amount, written as text, in a currency by its ISO 4217 code. */
  record &set_money(const std::string &field, const std::string &value, const std::string &currency) {
    guanxi_record_set_money(get(), field.c_str(), value.c_str(), currency.c_str());
    return *this;
  }
  record &owner(const id &user) {
    guanxi_record_set_owner(get(), user.bytes.data());
    return *this;
  }
  record &external_id(const std::string &source, const std::string &key) {
    guanxi_record_set_external_id(get(), source.c_str(), key.c_str());
    return *this;
  }
  record &expect_version(std::uint64_t version) {
    guanxi_record_expect_version(get(), version);
    return *this;
  }
  record &idempotency_key(const std::string &key) {
    guanxi_record_set_idempotency_key(get(), key.c_str());
    return *this;
  }

  guanxi_record *get() const noexcept { return handle_.get(); }

 private:
  detail::owner<guanxi_record, guanxi_record_free> handle_;
};

/** A query; see guanxi_query. One thread at a time while it is put together, then any number at once. */
class query {
 public:
  explicit query(const std::string &entity) : handle_(guanxi_query_new(entity.c_str())) {}

  query &filter(const std::string &json) {
    guanxi_query_filter_json(get(), json.c_str());
    return *this;
  }
  query &sort(const std::string &field, bool descending = false) {
    guanxi_query_sort(get(), field.c_str(), descending ? 1 : 0);
    return *this;
  }
  query &field(const std::string &name) {
    guanxi_query_field(get(), name.c_str());
    return *this;
  }
  query &titles(bool wanted = true) {
    guanxi_query_titles(get(), wanted ? 1 : 0);
    return *this;
  }
  query &limit(std::uint64_t rows) {
    guanxi_query_limit(get(), rows);
    return *this;
  }

  guanxi_query *get() const noexcept { return handle_.get(); }

 private:
  detail::owner<guanxi_query, guanxi_query_free> handle_;
};

/** The rows of a result; see guanxi_cursor. One thread at a time. */
class cursor {
 public:
  explicit cursor(guanxi_cursor *handle) : handle_(handle) {}

  /** Goes to the next row; false after the last. */
  bool next() {
    return detail::check([&](guanxi_error **err) { return guanxi_cursor_next(get(), err); }) == GUANXI_ROW;
  }
  /** The number of a column. Throws std::out_of_range if there is none. */
  std::size_t column(const char *name) const {
    const std::int64_t found = guanxi_cursor_find(get(), name);
    if (found < 0) throw std::out_of_range(std::string("no column ") + name);
    return static_cast<std::size_t>(found);
  }
  std::size_t columns() const { return guanxi_cursor_column_count(get()); }
  std::string_view name(std::size_t column) const { return guanxi_cursor_column_name(get(), column); }
  bool is_null(std::size_t column) const { return guanxi_cursor_is_null(get(), column) != 0; }
  std::uint64_t version() const { return guanxi_cursor_version(get()); }
  /** Borrowed until the next row. */
  std::string_view text(std::size_t column) const {
    std::size_t length = 0;
    const char *data = guanxi_cursor_text(get(), column, &length);
    return data == nullptr ? std::string_view() : std::string_view(data, length);
  }
  std::string_view text(const char *name) const { return text(column(name)); }
  std::int64_t integer(std::size_t column) const { return guanxi_cursor_int(get(), column); }
  bool boolean(std::size_t column) const { return guanxi_cursor_bool(get(), column) != 0; }
  struct date day(std::size_t column) const {
    struct date day;
    detail::check([&](guanxi_error **err) {
      return guanxi_cursor_date(get(), column, &day.year, &day.month, &day.day, err);
    });
    return day;
  }
  struct date day(const char *name) const { return day(column(name)); }
  amount money(std::size_t column) const {
    guanxi_decimal raw;
    detail::check([&](guanxi_error **err) { return guanxi_cursor_money(get(), column, &raw, err); });
    return amount(raw);
  }
  amount money(const char *name) const { return money(column(name)); }
  struct id id(std::size_t column = 0) const {
    struct id found;
    detail::check([&](guanxi_error **err) { return guanxi_cursor_id(get(), column, found.bytes.data(), err); });
    return found;
  }

  guanxi_cursor *get() const noexcept { return handle_.get(); }

 private:
  detail::owner<guanxi_cursor, guanxi_cursor_free> handle_;
};

/** A transaction; see guanxi_txn. It belongs to the thread that began it, and rolls back unless it is committed. */
class transaction {
 public:
  explicit transaction(guanxi_txn *handle) : handle_(handle) {}
  transaction(transaction &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  transaction(const transaction &) = delete;
  transaction &operator=(const transaction &) = delete;
  transaction &operator=(transaction &&) = delete;
  ~transaction() {
    if (handle_ != nullptr) guanxi_txn_rollback(handle_, nullptr);
  }

  struct id create(const record &values) {
    struct id made;
    detail::check([&](guanxi_error **err) {
      return guanxi_txn_create(handle_, values.get(), made.bytes.data(), err);
    });
    return made;
  }
  void update(const id &record, const class record &values) {
    detail::check([&](guanxi_error **err) {
      return guanxi_txn_update(handle_, record.bytes.data(), values.get(), err);
    });
  }
  void remove(const std::string &entity, const id &record) {
    detail::check([&](guanxi_error **err) {
      return guanxi_txn_delete(handle_, entity.c_str(), record.bytes.data(), err);
    });
  }
  /** Makes everything durable. The transaction is over, also if this throws. */
  void commit() {
    guanxi_txn *ending = std::exchange(handle_, nullptr);
    detail::check([&](guanxi_error **err) { return guanxi_txn_commit(ending, err); });
  }

  guanxi_txn *get() const noexcept { return handle_; }

 private:
  guanxi_txn *handle_;
};

/** What changes, for one user; see guanxi_subscription. Any thread. */
class subscription {
 public:
  explicit subscription(guanxi_subscription *handle) : handle_(handle) {}

  /** The next changes as JSON; nothing if there are none in time. */
  std::optional<std::string> next(std::uint64_t timeout_ms) {
    guanxi_buffer *raw = nullptr;
    const guanxi_status status = detail::check([&](guanxi_error **err) {
      return guanxi_subscription_next(get(), timeout_ms, &raw, err);
    });
    if (status != GUANXI_ROW) return std::nullopt;
    detail::owner<guanxi_buffer, guanxi_buffer_free> held(raw);
    return std::string(guanxi_buffer_data(raw), guanxi_buffer_length(raw));
  }
  std::uint64_t position() const { return guanxi_subscription_position(get()); }

  guanxi_subscription *get() const noexcept { return handle_.get(); }

 private:
  detail::owner<guanxi_subscription, guanxi_unsubscribe> handle_;
};

/** A signed-in user; see guanxi_session. Any thread, also several at once. */
class session {
 public:
  explicit session(guanxi_session *handle) : handle_(handle) {}

  /** Calls a method with a JSON object, and gives its answer as JSON. */
  std::string call(const std::string &method, const std::string &parameters = "") const {
    detail::owner<guanxi_buffer, guanxi_buffer_free> answer(
        detail::made<guanxi_buffer>([&](guanxi_buffer **out, guanxi_error **err) {
          return guanxi_call(get(), method.c_str(), parameters.c_str(), out, err);
        }));
    return std::string(guanxi_buffer_data(answer.get()), guanxi_buffer_length(answer.get()));
  }
  cursor run(const query &asked) const {
    return cursor(detail::made<guanxi_cursor>([&](guanxi_cursor **out, guanxi_error **err) {
      return guanxi_query_run(get(), asked.get(), out, err);
    }));
  }
  std::uint64_t count(const query &asked) const {
    std::uint64_t found = 0;
    detail::check([&](guanxi_error **err) { return guanxi_count(get(), asked.get(), &found, err); });
    return found;
  }
  cursor search(const std::string &words, std::uint64_t limit = 0,
                const std::optional<std::string> &entity = std::nullopt) const {
    return cursor(detail::made<guanxi_cursor>([&](guanxi_cursor **out, guanxi_error **err) {
      return guanxi_search(get(), detail::or_null(entity), words.c_str(), limit, out, err);
    }));
  }
  cursor similar(const std::string &entity, const id &record, std::uint64_t limit = 0,
                 const std::optional<std::string> &among = std::nullopt) const {
    return cursor(detail::made<guanxi_cursor>([&](guanxi_cursor **out, guanxi_error **err) {
      return guanxi_search_similar(get(), entity.c_str(), record.bytes.data(), detail::or_null(among), limit, out, err);
    }));
  }
  void settle_search() const {
    detail::check([&](guanxi_error **err) { return guanxi_search_settle(get(), err); });
  }
  cursor read(const std::string &entity, const id &record) const {
    return cursor(detail::made<guanxi_cursor>([&](guanxi_cursor **out, guanxi_error **err) {
      return guanxi_session_get(get(), entity.c_str(), record.bytes.data(), out, err);
    }));
  }
  struct id create(const record &values) const {
    struct id made;
    detail::check([&](guanxi_error **err) {
      return guanxi_session_create(get(), values.get(), made.bytes.data(), err);
    });
    return made;
  }
  void update(const id &record, const class record &values) const {
    detail::check([&](guanxi_error **err) {
      return guanxi_session_update(get(), record.bytes.data(), values.get(), err);
    });
  }
  struct id upsert(const std::string &source, const std::string &key, const record &values) const {
    struct id made;
    detail::check([&](guanxi_error **err) {
      return guanxi_session_upsert(get(), source.c_str(), key.c_str(), values.get(), made.bytes.data(), err);
    });
    return made;
  }
  transaction begin(const std::optional<std::string> &cause = std::nullopt, std::uint64_t timeout_ms = 0) const {
    return transaction(detail::made<guanxi_txn>([&](guanxi_txn **out, guanxi_error **err) {
      return guanxi_txn_begin(get(), detail::or_null(cause), timeout_ms, out, err);
    }));
  }
  /** Follows what changes; `filter` as guanxi_subscribe takes it. */
  subscription subscribe(const std::string &filter = "") const {
    return subscription(
        detail::made<guanxi_subscription>([&](guanxi_subscription **out, guanxi_error **err) {
          return guanxi_subscribe(get(), filter.c_str(), out, err);
        }));
  }
  void locale(const std::string &tag) const {
    detail::check([&](guanxi_error **err) { return guanxi_session_set_locale(get(), tag.c_str(), err); });
  }
  void timeout_ms(std::uint64_t milliseconds) const {
    detail::check([&](guanxi_error **err) { return guanxi_session_set_timeout_ms(get(), milliseconds, err); });
  }
  void interrupt() const {
    detail::check([&](guanxi_error **err) { return guanxi_session_interrupt(get(), err); });
  }
  struct id user() const {
    struct id found;
    detail::check([&](guanxi_error **err) { return guanxi_session_user(get(), found.bytes.data(), err); });
    return found;
  }

  guanxi_session *get() const noexcept { return handle_.get(); }

 private:
  detail::owner<guanxi_session, guanxi_session_free> handle_;
};

/** An open database; see guanxi_engine. It goes after its sessions, cursors and subscriptions. */
class engine {
 public:
  /** Creates a database; `options` names its administrator. */
  static engine create(const guanxi_open_options &options) {
    return engine(detail::made<guanxi_engine>([&](guanxi_engine **out, guanxi_error **err) {
      return guanxi_create(&options, out, err);
    }));
  }
  static engine open(const guanxi_open_options &options) {
    return engine(detail::made<guanxi_engine>([&](guanxi_engine **out, guanxi_error **err) {
      return guanxi_open(&options, out, err);
    }));
  }

  session sign_in(const std::string &name, const std::string &password) const {
    return session(detail::made<guanxi_session>([&](guanxi_session **out, guanxi_error **err) {
      return guanxi_sign_in(get(), name.c_str(), password.c_str(), out, err);
    }));
  }
  session session_for(const std::string &name) const {
    return session(detail::made<guanxi_session>([&](guanxi_session **out, guanxi_error **err) {
      return guanxi_session_for(get(), name.c_str(), out, err);
    }));
  }
  /** How the database and the library are, as JSON. */
  std::string health() const {
    detail::owner<guanxi_buffer, guanxi_buffer_free> answer(
        detail::made<guanxi_buffer>([&](guanxi_buffer **out, guanxi_error **err) {
          return guanxi_health(get(), out, err);
        }));
    return std::string(guanxi_buffer_data(answer.get()), guanxi_buffer_length(answer.get()));
  }
  /** Closes the database. It stays open, and this throws, while sessions or cursors live. */
  void close() {
    detail::check([&](guanxi_error **err) { return guanxi_close(get(), err); });
    (void)handle_.release();
  }

  guanxi_engine *get() const noexcept { return handle_.get(); }

 private:
  explicit engine(guanxi_engine *handle) : handle_(handle) {}
  static void free(guanxi_engine *handle) { guanxi_close(handle, nullptr); }
  detail::owner<guanxi_engine, free> handle_;
};

/** Options that begin with their size and zeros. */
inline guanxi_open_options open_options() {
  guanxi_open_options options;
  guanxi_open_options_init(&options, sizeof options);
  return options;
}

}  // namespace guanxi

#endif /* GUANXI_HPP */
