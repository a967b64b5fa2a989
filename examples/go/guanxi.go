// Guanxi for Go over cgo: what a host of this size needs of the C library.
//
// Build with CGO_CFLAGS=-Iinclude and CGO_LDFLAGS=-Ltarget/release. Rows come in blocks of values, which is the fastest
// shape for cgo: one call for many rows.
package main

/*
#cgo LDFLAGS: -lguanxi
#include <stdlib.h>
#include "guanxi.h"

static guanxi_status open_database(int create, const char *path, const uint8_t *key, size_t key_len, const char *name,
                                   const char *password, guanxi_engine **out, guanxi_error **err) {
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  options.path = path;
  options.key = key;
  options.key_len = key_len;
  options.administrator_name = name;
  options.administrator_password = password;
  return create ? guanxi_create(&options, out, err) : guanxi_open(&options, out, err);
}
static int64_t value_integer(const guanxi_value *value) { return value->content.integer; }
static const char *value_text(const guanxi_value *value) { return value->content.text.data; }
static size_t value_length(const guanxi_value *value) { return value->content.text.length; }
static const uint8_t *value_id(const guanxi_value *value) { return value->content.id; }
static guanxi_decimal value_decimal(const guanxi_value *value) { return value->content.decimal; }
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"math/big"
	"time"
	"unsafe"
)

// Error is a call that failed; Key is the stable key, such as schema.required.
type Error struct {
	Status     int
	Key, Field string
	Message    string
}

func (e *Error) Error() string { return fmt.Sprintf("[%s] %s", e.Key, e.Message) }

func failure(status C.guanxi_status, raw *C.guanxi_error) error {
	if status >= 0 {
		return nil
	}
	defer C.guanxi_error_free(raw)
	return &Error{
		Status: int(status), Key: C.GoString(C.guanxi_error_key(raw)),
		Field: C.GoString(C.guanxi_error_field(raw)), Message: C.GoString(C.guanxi_error_message(raw)),
	}
}

// texts turns Go's texts into C's, and gives what frees them.
func texts(given ...string) ([]*C.char, func()) {
	made := make([]*C.char, len(given))
	for place, text := range given {
		made[place] = C.CString(text)
	}
	return made, func() {
		for _, text := range made {
			C.free(unsafe.Pointer(text))
		}
	}
}

// Crm is an open database. Any goroutine.
type Crm struct{ engine *C.guanxi_engine }

// Create makes a database whose administrator has this name and password.
func Create(path string, key []byte, name, password string) (*Crm, error) {
	return open(1, path, key, name, password)
}

// Open opens a database.
func Open(path string, key []byte) (*Crm, error) { return open(0, path, key, "", "") }

func open(create C.int, path string, key []byte, name, password string) (*Crm, error) {
	c, free := texts(path, name, password)
	defer free()
	var engine *C.guanxi_engine
	var err *C.guanxi_error
	status := C.open_database(create, c[0], (*C.uint8_t)(&key[0]), C.size_t(len(key)), c[1], c[2], &engine, &err)
	return &Crm{engine}, failure(status, err)
}

// Close closes the database; its sessions are freed first.
func (crm *Crm) Close() error {
	var err *C.guanxi_error
	return failure(C.guanxi_close(crm.engine, &err), err)
}

// SignIn signs a user in.
func (crm *Crm) SignIn(name, password string) (*Session, error) {
	c, free := texts(name, password)
	defer free()
	var session *C.guanxi_session
	var err *C.guanxi_error
	status := C.guanxi_sign_in(crm.engine, c[0], c[1], &session, &err)
	return &Session{session}, failure(status, err)
}

// Session is a signed-in user. Any goroutine, also several at once.
type Session struct{ session *C.guanxi_session }

// Free frees the session.
func (s *Session) Free() { C.guanxi_session_free(s.session) }

// Call calls a method by its name, with anything that JSON holds, and reads the answer into out, unless that is nil.
func (s *Session) Call(method string, parameters, out any) error {
	given, problem := json.Marshal(parameters)
	if problem != nil {
		return problem
	}
	c, free := texts(method, string(given))
	defer free()
	var answer *C.guanxi_buffer
	var err *C.guanxi_error
	if status := C.guanxi_call(s.session, c[0], c[1], &answer, &err); status < 0 {
		return failure(status, err)
	}
	defer C.guanxi_buffer_free(answer)
	if out == nil {
		return nil
	}
	return json.Unmarshal([]byte(C.GoString(C.guanxi_buffer_data(answer))), out)
}

// Query is an entity, a filter as JSON, an order and a limit.
type Query struct {
	Entity, Filter, Sort string
	Descending           bool
	Limit                uint64
}

func (q Query) made() *C.guanxi_query {
	c, free := texts(q.Entity, q.Filter, q.Sort)
	defer free()
	query := C.guanxi_query_new(c[0])
	if q.Filter != "" {
		C.guanxi_query_filter_json(query, c[1])
	}
	if q.Sort != "" {
		descending := C.int32_t(0)
		if q.Descending {
			descending = 1
		}
		C.guanxi_query_sort(query, c[2], descending)
	}
	C.guanxi_query_limit(query, C.uint64_t(q.Limit))
	return query
}

// Count counts the records that a query means.
func (s *Session) Count(q Query) (uint64, error) {
	query := q.made()
	defer C.guanxi_query_free(query)
	var count C.uint64_t
	var err *C.guanxi_error
	status := C.guanxi_count(s.session, query, &count, &err)
	return uint64(count), failure(status, err)
}

// Row holds a value for each column that has one: string, int64, bool, time.Time or Money; ids are UUIDs as text.
type Row map[string]any

// Money is an exact amount, and its currency.
type Money struct{ Amount, Currency string }

// Run runs a query and gives its rows.
func (s *Session) Run(q Query) ([]Row, error) {
	query := q.made()
	defer C.guanxi_query_free(query)
	var cursor *C.guanxi_cursor
	var err *C.guanxi_error
	if status := C.guanxi_query_run(s.session, query, &cursor, &err); status < 0 {
		return nil, failure(status, err)
	}
	return rows(cursor)
}

// Search finds words, best hits first.
func (s *Session) Search(words string, limit uint64) ([]Row, error) {
	c, free := texts(words)
	defer free()
	var cursor *C.guanxi_cursor
	var err *C.guanxi_error
	if status := C.guanxi_search(s.session, nil, c[0], C.uint64_t(limit), &cursor, &err); status < 0 {
		return nil, failure(status, err)
	}
	return rows(cursor)
}

const block = 256

func rows(cursor *C.guanxi_cursor) ([]Row, error) {
	defer C.guanxi_cursor_free(cursor)
	columns := int(C.guanxi_cursor_column_count(cursor))
	names := make([]string, columns)
	for column := range names {
		names[column] = C.GoString(C.guanxi_cursor_column_name(cursor, C.size_t(column)))
	}
	values := make([]C.guanxi_value, block*columns)
	var all []Row
	for {
		var fetched C.size_t
		var err *C.guanxi_error
		status := C.guanxi_cursor_fetch(cursor, &values[0], block, &fetched, &err)
		if status != C.GUANXI_ROW {
			return all, failure(status, err)
		}
		for number := 0; number < int(fetched); number++ {
			row := make(Row, columns)
			for column, name := range names {
				if value := valueOf(&values[number*columns+column]); value != nil {
					row[name] = value
				}
			}
			all = append(all, row)
		}
	}
}

func valueOf(value *C.guanxi_value) any {
	switch value.kind {
	case C.GUANXI_VALUE_BOOL:
		return C.value_integer(value) != 0
	case C.GUANXI_VALUE_INT, C.GUANXI_VALUE_TIME, C.GUANXI_VALUE_DURATION:
		return int64(C.value_integer(value))
	case C.GUANXI_VALUE_DATE:
		return time.Unix(int64(C.value_integer(value))*86_400, 0).UTC()
	case C.GUANXI_VALUE_DATETIME:
		return time.UnixMicro(int64(C.value_integer(value))).UTC()
	case C.GUANXI_VALUE_DECIMAL, C.GUANXI_VALUE_MONEY:
		return moneyOf(C.value_decimal(value))
	case C.GUANXI_VALUE_ID:
		id := C.GoBytes(unsafe.Pointer(C.value_id(value)), 16)
		return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
	case C.GUANXI_VALUE_TEXT, C.GUANXI_VALUE_JSON:
		return C.GoStringN(C.value_text(value), C.int(C.value_length(value)))
	}
	return nil
}

func moneyOf(decimal C.guanxi_decimal) Money {
	digits := new(big.Int).SetUint64(uint64(decimal.high))
	digits.Lsh(digits, 64).Or(digits, new(big.Int).SetUint64(uint64(decimal.low)))
	if decimal.scale_and_sign&C.GUANXI_DECIMAL_NEGATIVE != 0 {
		digits.Neg(digits)
	}
	scale := int(decimal.scale_and_sign & C.GUANXI_DECIMAL_SCALE)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	amount := new(big.Rat).SetFrac(digits, unit).FloatString(scale)
	if decimal.currency[0] == 0 {
		return Money{Amount: amount}
	}
	return Money{amount, C.GoStringN((*C.char)(unsafe.Pointer(&decimal.currency[0])), 3)}
}

// LiveHandles is how many handles of the library live in this process.
func LiveHandles() int64 { return int64(C.guanxi_debug_live_handles()) }
