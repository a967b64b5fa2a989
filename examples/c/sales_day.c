/*
 * One day of a sales team in C, from an empty folder to a verified ledger.
 *
 *   sales_day            makes its own small bilingual data with the typed builder
 *   sales_day FOLDER     imports accounts.csv, products.csv, sales_teams.csv and
 *                        sales_pipeline.csv of a folder
 *
 * Build: cc -std=c99 -I include examples/c/sales_day.c -L target/release -lguanxi -o sales_day
 *
 * It ends with 0, or says what surprised it and ends with 1.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guanxi.h"

enum { PATH_ROOM = 4096 };

static const uint8_t right_key[32] = "an example key never for a host";
static const uint8_t wrong_key[32] = "a guess, which must not open it";
static const char password[] = "one long password";

/* The error of the call at hand: every call sets it anew. */
static guanxi_error *error = NULL;

/* Ends the program unless a call gave what it should. */
static void must(guanxi_status wanted, guanxi_status status, const char *what) {
  if (status == wanted) return;
  fprintf(stderr, "%s: [%s] %s\n", what, guanxi_error_key(error), guanxi_error_message(error));
  exit(1);
}

static void surprised(const char *what) {
  fprintf(stderr, "surprise: %s\n", what);
  exit(1);
}

static void heading(const char *text) { printf("\n== %s\n", text); }

/* --- JSON, as much of it as this program writes ------------------------------------------------ */

/* Appends text to a growing string, as the inside of a JSON string if `quoted`. */
static void append(char **json, size_t *length, const char *text, int quoted) {
  char *place = realloc(*json, *length + 6 * strlen(text) + 1);
  if (place == NULL) surprised("no memory");
  *json = place;
  for (place += *length; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (quoted && (byte == '"' || byte == '\\')) *place++ = '\\';
    if (quoted && byte < ' ') {
      place += sprintf(place, "\\u%04x", byte);
    } else {
      *place++ = (char)byte;
    }
  }
  *place = 0;
  *length = (size_t)(place - *json);
}

/* Calls a method and gives its answer, which the caller frees. */
static guanxi_buffer *call(guanxi_session *session, const char *method, const char *parameters) {
  guanxi_buffer *answer = NULL;
  must(GUANXI_OK, guanxi_call(session, method, parameters, &answer, &error), method);
  return answer;
}

/* Calls a method of which only its success matters. */
static void perform(guanxi_session *session, const char *method, const char *parameters) {
  guanxi_buffer_free(call(session, method, parameters));
}

/* Prints the figures of a report's first row, as JSON. */
static void print_figures(const char *name, guanxi_session *session, const char *report) {
  guanxi_buffer *answer = call(session, "report.run", report);
  const char *from = strstr(guanxi_buffer_data(answer), "\"figures\":");
  const char *to = from ? strchr(from, ']') : NULL;
  if (to == NULL) surprised("a report without figures");
  from += strlen("\"figures\":");
  printf("%-12s %.*s\n", name, (int)(to + 1 - from), from);
  guanxi_buffer_free(answer);
}

/* --- Values ------------------------------------------------------------------------------------ */

/* Prints an amount of at most 64 bits with its currency. */
static void print_money(const guanxi_decimal *money) {
  unsigned scale = money->scale_and_sign & GUANXI_DECIMAL_SCALE, digit;
  uint64_t unit = 1;
  if (money->high != 0) surprised("an amount of more than 64 bits");
  for (digit = 0; digit < scale; digit++) unit *= 10;
  printf("%.3s %s%lu", (const char *)money->currency,
         money->scale_and_sign & GUANXI_DECIMAL_NEGATIVE ? "-" : "",
         (unsigned long)(money->low / unit));
  if (scale > 0) printf(".%0*lu", (int)scale, (unsigned long)(money->low % unit));
}

/* Writes an id as a hyphenated UUID, as JSON has it. */
static void id_text(const uint8_t id[16], char text[37]) {
  int byte;
  for (byte = 0; byte < 16; byte++) {
    const char *hyphen = byte == 4 || byte == 6 || byte == 8 || byte == 10 ? "-" : "";
    text += sprintf(text, "%s%02x", hyphen, id[byte]);
  }
}

/* The number of a column that must be there. */
static size_t column(const guanxi_cursor *cursor, const char *name) {
  int64_t found = guanxi_cursor_find(cursor, name);
  if (found < 0) surprised(name);
  return (size_t)found;
}

/* How many records of an entity a session sees that meet a filter. */
static uint64_t count(guanxi_session *session, const char *entity, const char *filter) {
  guanxi_query *query = guanxi_query_new(entity);
  uint64_t found = 0;
  guanxi_query_filter_json(query, filter);
  must(GUANXI_OK, guanxi_count(session, query, &found, &error), "count");
  guanxi_query_free(query);
  return found;
}

/* --- Filling the database ---------------------------------------------------------------------- */

static char *read_file(const char *folder, const char *name) {
  char path[PATH_ROOM], *text = NULL;
  size_t length = 0, room = 0;
  FILE *file;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "rb");
  if (file == NULL) surprised(path);
  do {
    room += 1 << 16;
    text = realloc(text, room + 1);
    if (text == NULL) surprised("no memory");
    length += fread(text + length, 1, room - length, file);
  } while (length == room);
  fclose(file);
  text[length] = 0;
  return text;
}

/* Imports a file by the headings of its columns; `options` is further JSON parameters. */
static void import(guanxi_session *admin, const char *entity, const char *folder, const char *name,
                   const char *options) {
  char *text = read_file(folder, name), *json = NULL;
  size_t length = 0;
  guanxi_buffer *answer;
  const char *from, *to;
  append(&json, &length, "{\"entity\":\"", 0);
  append(&json, &length, entity, 1);
  append(&json, &length, "\"", 0);
  append(&json, &length, options, 0);
  append(&json, &length, ",\"text\":\"", 0);
  append(&json, &length, text, 1);
  append(&json, &length, "\"}", 0);
  answer = call(admin, "import.csv", json);
  /* How many rows were read and rejected stands before the list of what happened to which row. */
  from = strstr(guanxi_buffer_data(answer), "\"read\":");
  to = from ? strstr(from, ",\"rows\"") : NULL;
  if (to == NULL) surprised("an import without counts");
  printf("%-20s %.*s\n", name, (int)(to - from), from);
  guanxi_buffer_free(answer);
  free(text);
  free(json);
}

static const char *const cities[] = {"上海", "北京", "深圳", "London", "Hamburg"};
static const char *const trades[] = {"企业服务", "星河科技", "Harbour Trading", "Northern Lights"};

enum { ACCOUNTS = 40, PRODUCTS = 10, DEALS = 150 };

typedef struct {
  const uint8_t *salesperson;
  uint8_t accounts[ACCOUNTS][16];
  uint8_t products[PRODUCTS][16];
} made_data;

static guanxi_status create(guanxi_txn *txn, guanxi_record *record, uint8_t *id) {
  guanxi_status status = guanxi_txn_create(txn, record, id, &error);
  guanxi_record_free(record);
  return status;
}

static guanxi_status make_account(guanxi_txn *txn, made_data *made, int number) {
  guanxi_record *record = guanxi_record_new("crm.account");
  char name[128];
  snprintf(name, sizeof name, number % 2 ? "%s %s %02d" : "%s加喜%s%02d有限公司", cities[number % 5],
           trades[number % 4], number);
  guanxi_record_set_text(record, "name", name);
  guanxi_record_set_text(record, "city", cities[number % 5]);
  guanxi_record_set_int(record, "established", 1980 + number);
  guanxi_record_set_external_id(record, "erp", name);
  guanxi_record_set_owner(record, made->salesperson);
  return create(txn, record, made->accounts[number]);
}

static guanxi_status make_product(guanxi_txn *txn, made_data *made, int number) {
  guanxi_record *record = guanxi_record_new("crm.product");
  char name[64], price[32];
  snprintf(name, sizeof name, number % 2 ? "Licence change %d" : "执照变更代办 %d", number);
  snprintf(price, sizeof price, "%d.50", 800 + 100 * number);
  guanxi_record_set_text(record, "name", name);
  guanxi_record_set_money(record, "price", price, "CNY");
  return create(txn, record, made->products[number]);
}

static guanxi_status make_deal(guanxi_txn *txn, made_data *made, int number) {
  guanxi_record *record = guanxi_record_new("crm.opportunity");
  char title[64], amount[32], day[16];
  snprintf(title, sizeof title, number % 3 ? "Deal %03d" : "商机 %03d", number);
  snprintf(amount, sizeof amount, "%d.00", 1000 + 37 * number);
  snprintf(day, sizeof day, "2026-%02d-%02d", 1 + number % 10, 1 + number % 28);
  guanxi_record_set_text(record, "title", title);
  guanxi_record_set_reference(record, "account", made->accounts[number % ACCOUNTS]);
  guanxi_record_set_reference(record, "product", made->products[number % PRODUCTS]);
  guanxi_record_set_money(record, "amount", amount, "CNY");
  guanxi_record_set_date(record, "engaged_on", day);
  if (number % 2) guanxi_record_set_owner(record, made->salesperson);
  return create(txn, record, NULL);
}

/* Writes all records in one transaction: all of them, or none. It may run more than once. */
static guanxi_status make_all(guanxi_txn *txn, void *user_data) {
  made_data *made = user_data;
  guanxi_status status = GUANXI_OK;
  int number;
  for (number = 0; status == GUANXI_OK && number < ACCOUNTS; number++)
    status = make_account(txn, made, number);
  for (number = 0; status == GUANXI_OK && number < PRODUCTS; number++)
    status = make_product(txn, made, number);
  for (number = 0; status == GUANXI_OK && number < DEALS; number++)
    status = make_deal(txn, made, number);
  return status;
}

/* Closes some of the deals, so that there is something to report on. */
static void close_some(guanxi_session *admin) {
  guanxi_query *query = guanxi_query_new("crm.opportunity");
  guanxi_cursor *cursor = NULL;
  int number = 0;
  guanxi_query_sort(query, "title", 0);
  guanxi_query_limit(query, 30);
  must(GUANXI_OK, guanxi_query_run(admin, query, &cursor, &error), "list deals");
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    uint8_t id[16];
    char text[37], parameters[128];
    must(GUANXI_OK, guanxi_cursor_id(cursor, 0, id, &error), "id");
    id_text(id, text);
    if (number++ % 3) {
      snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", text);
      perform(admin, "opportunity.win", parameters);
    } else {
      snprintf(parameters, sizeof parameters, "{\"id\":\"%s\",\"reason\":\"价格过高\"}", text);
      perform(admin, "opportunity.lose", parameters);
    }
  }
  if (number != 30) surprised("thirty deals were to be closed");
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
}

/* Makes 200 records, and gives the name of the salesperson who owns half of the deals. */
static const char *make(guanxi_session *admin) {
  static made_data made;
  static uint8_t salesperson[16];
  guanxi_query *query = guanxi_query_new("sys.user");
  guanxi_cursor *cursor = NULL;
  char user[160];
  snprintf(user, sizeof user, "{\"values\":{\"name\":\"韩梅梅\"},\"password\":\"%s\",\"roles\":[\"salesperson\"]}",
           password);
  perform(admin, "user.create", user);
  guanxi_query_filter_json(query, "{\"name\":\"韩梅梅\"}");
  must(GUANXI_OK, guanxi_query_run(admin, query, &cursor, &error), "find the salesperson");
  must(GUANXI_ROW, guanxi_cursor_next(cursor, &error), "the salesperson");
  must(GUANXI_OK, guanxi_cursor_id(cursor, 0, salesperson, &error), "id");
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);

  made.salesperson = salesperson;
  must(GUANXI_OK, guanxi_write(admin, make_all, &made, &error), "make records");
  close_some(admin);
  printf("%d records\n", ACCOUNTS + PRODUCTS + DEALS);
  return "韩梅梅";
}

/* Imports four files, and gives the name of a salesperson of theirs who may sign in from now on. */
static const char *import_all(guanxi_session *admin, const char *folder) {
  static char name[128];
  char user[320];
  const char *text;
  size_t length = 0;
  guanxi_query *query = guanxi_query_new("crm.opportunity"), *users = guanxi_query_new("sys.user");
  guanxi_cursor *cursor = NULL;
  uint8_t owner[16], id[16];
  import(admin, "crm.account", folder, "accounts.csv", "");
  import(admin, "crm.product", folder, "products.csv", "");
  import(admin, "sys.user", folder, "sales_teams.csv", ",\"create_missing\":[\"reports_to\",\"unit\"]");
  import(admin, "crm.opportunity", folder, "sales_pipeline.csv", "");

  /* The owner of the first open deal. */
  guanxi_query_filter_json(query, "{\"status\":\"open\"}");
  guanxi_query_limit(query, 1);
  must(GUANXI_OK, guanxi_query_run(admin, query, &cursor, &error), "find an open deal");
  must(GUANXI_ROW, guanxi_cursor_next(cursor, &error), "an open deal");
  must(GUANXI_OK, guanxi_cursor_id(cursor, column(cursor, "owner"), owner, &error), "owner");
  guanxi_cursor_free(cursor);
  must(GUANXI_OK, guanxi_query_run(admin, users, &cursor, &error), "list users");
  do {
    must(GUANXI_ROW, guanxi_cursor_next(cursor, &error), "the owner among the users");
    must(GUANXI_OK, guanxi_cursor_id(cursor, 0, id, &error), "id");
  } while (memcmp(id, owner, 16) != 0);
  text = guanxi_cursor_text(cursor, column(cursor, "name"), &length);
  snprintf(name, sizeof name, "%.*s", (int)length, text);
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
  guanxi_query_free(users);

  snprintf(user, sizeof user, "{\"user\":\"%s\",\"role\":\"salesperson\"}", name);
  perform(admin, "role.assign", user);
  snprintf(user, sizeof user, "{\"user\":\"%s\",\"password\":\"%s\"}", name, password);
  perform(admin, "user.set_password", user);
  return name;
}

/* --- The day ----------------------------------------------------------------------------------- */

/* The five newest open deals, by typed getters. */
static void list_newest(guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.opportunity");
  guanxi_cursor *cursor = NULL;
  int rows = 0;
  guanxi_query_filter_json(query, "{\"status\":\"open\"}");
  guanxi_query_sort(query, "engaged_on", 1);
  guanxi_query_limit(query, 5);
  must(GUANXI_OK, guanxi_query_run(session, query, &cursor, &error), "list deals");
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    size_t length = 0, amount = column(cursor, "amount");
    const char *title = guanxi_cursor_text(cursor, column(cursor, "title"), &length);
    int32_t year = 0, month = 0, day = 0;
    must(GUANXI_OK, guanxi_cursor_date(cursor, column(cursor, "engaged_on"), &year, &month, &day, &error),
         "engaged on");
    printf("%04d-%02d-%02d  %-12.*s ", (int)year, (int)month, (int)day, (int)length, title);
    if (!guanxi_cursor_is_null(cursor, amount)) {
      guanxi_decimal money;
      must(GUANXI_OK, guanxi_cursor_money(cursor, amount, &money, &error), "amount");
      print_money(&money);
    }
    printf("\n");
    rows++;
  }
  if (error != NULL || rows == 0) surprised("no open deal");
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
}

static void search(guanxi_session *session, const char *words) {
  guanxi_cursor *cursor = NULL;
  int hits = 0;
  must(GUANXI_OK, guanxi_search(session, NULL, words, 3, &cursor, &error), "search");
  printf("%-8s", words);
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    size_t length = 0;
    const char *title = guanxi_cursor_text(cursor, column(cursor, "title"), &length);
    printf("  %.*s", (int)length, title);
    hits++;
  }
  printf("\n");
  if (error != NULL || hits == 0) surprised("nothing was found");
  guanxi_cursor_free(cursor);
}

static void pipeline(guanxi_session *admin) {
  guanxi_query *query = guanxi_query_new("crm.stage");
  guanxi_cursor *cursor = NULL;
  guanxi_query_sort(query, "position", 0);
  must(GUANXI_OK, guanxi_query_run(admin, query, &cursor, &error), "list stages");
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    uint8_t id[16];
    char text[37], filter[64];
    size_t length = 0;
    const char *name = guanxi_cursor_text(cursor, column(cursor, "name"), &length);
    must(GUANXI_OK, guanxi_cursor_id(cursor, 0, id, &error), "id");
    id_text(id, text);
    snprintf(filter, sizeof filter, "{\"stage\":\"%s\"}", text);
    printf("%-12.*s %lu\n", (int)length, name, (unsigned long)count(admin, "crm.opportunity", filter));
  }
  if (error != NULL) surprised("the stages cannot be read");
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
  print_figures("won amount", admin,
                "{\"entity\":\"crm.opportunity\",\"filter\":{\"status\":\"won\"},\"measures\":[{\"sum\":\"amount\"}]}");
  print_figures("win rate", admin,
                "{\"entity\":\"crm.opportunity\",\"measures\":[{\"share\":{\"status\":\"won\"},"
                "\"of\":{\"any\":[{\"status\":\"won\"},{\"status\":\"lost\"}]}}]}");
}

/* Wins an open deal of the salesperson's; losing it afterwards is refused. */
static void win_one(guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.opportunity");
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *answer = NULL;
  uint64_t before = count(session, "crm.opportunity", "{\"status\":\"won\"}");
  uint8_t id[16];
  char text[37], parameters[128];
  guanxi_query_filter_json(query, "{\"status\":\"open\"}");
  guanxi_query_limit(query, 1);
  must(GUANXI_OK, guanxi_query_run(session, query, &cursor, &error), "find an open deal");
  must(GUANXI_ROW, guanxi_cursor_next(cursor, &error), "an open deal");
  must(GUANXI_OK, guanxi_cursor_id(cursor, 0, id, &error), "id");
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);

  id_text(id, text);
  snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", text);
  perform(session, "opportunity.win", parameters);
  if (count(session, "crm.opportunity", "{\"status\":\"won\"}") != before + 1) surprised("one more was won");
  printf("%lu deals won before, one more now\n", (unsigned long)before);

  snprintf(parameters, sizeof parameters, "{\"id\":\"%s\",\"reason\":\"changed their mind\"}", text);
  must(GUANXI_ERR_MODEL_INVALID_TRANSITION,
       guanxi_call(session, "opportunity.lose", parameters, &answer, &error), "lose a deal that was won");
  printf("losing it afterwards: %s\n", guanxi_error_message(error));
  guanxi_error_free(error);
  error = NULL;
}

/* --- The database itself ----------------------------------------------------------------------- */

/* Removes a folder and what is in it. */
static void remove_folder(const char *path) {
  DIR *folder = opendir(path);
  struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    char inner[PATH_ROOM];
    struct stat about;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (lstat(inner, &about) == 0 && S_ISDIR(about.st_mode)) {
      remove_folder(inner);
    } else {
      unlink(inner);
    }
  }
  if (folder != NULL) closedir(folder);
  rmdir(path);
}

static void the_day(guanxi_engine *engine, const char *folder) {
  guanxi_session *admin = NULL, *salesperson = NULL;
  const char *name;
  uint64_t all, own;
  must(GUANXI_OK, guanxi_sign_in(engine, "admin", password, &admin, &error), "sign in");

  heading(folder ? "Import four files" : "Make records");
  name = folder ? import_all(admin, folder) : make(admin);
  must(GUANXI_OK, guanxi_sign_in(engine, name, password, &salesperson, &error), "sign in");

  heading("Who sees what");
  all = count(admin, "crm.opportunity", "{}");
  own = count(salesperson, "crm.opportunity", "{}");
  printf("admin %lu deals, %s %lu\n", (unsigned long)all, name, (unsigned long)own);
  if (own == 0 || own >= all) surprised("a salesperson sees some deals and not all");

  heading("The newest open deals");
  list_newest(admin);

  heading("Search");
  search(admin, folder ? "Acme" : "加喜");
  search(admin, folder ? "konex" : "Harbour");

  heading("Pipeline");
  pipeline(admin);

  heading("Win a deal");
  win_one(salesperson);

  heading("Verify");
  perform(admin, "ledger.verify", NULL);
  printf("The ledger verifies\n");

  guanxi_session_free(salesperson);
  guanxi_session_free(admin);
}

int main(int argc, char **argv) {
  const char *temporary = getenv("TMPDIR");
  char place[PATH_ROOM - 32], path[PATH_ROOM];
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  guanxi_engine *engine = NULL;
  snprintf(place, sizeof place, "%s/guanxi-XXXXXX", temporary ? temporary : "/tmp");
  if (mkdtemp(place) == NULL) surprised("no temporary folder");
  snprintf(path, sizeof path, "%s/day.guanxi", place);

  heading("Create an encrypted database");
  options.path = path;
  options.key = right_key;
  options.key_len = sizeof right_key;
  options.administrator_name = "admin";
  options.administrator_password = password;
  must(GUANXI_OK, guanxi_create(&options, &engine, &error), "create");
  printf("Guanxi %s\n", guanxi_version());
  the_day(engine, argc > 1 ? argv[1] : NULL);
  must(GUANXI_OK, guanxi_close(engine, &error), "close");

  heading("Reopen with a wrong key");
  engine = NULL;
  options.key = wrong_key;
  must(GUANXI_ERR_STORAGE_WRONG_KEY, guanxi_open(&options, &engine, &error), "a wrong key");
  printf("[%s] %s\n", guanxi_error_key(error), guanxi_error_message(error));
  guanxi_error_free(error);
  options.key = right_key;
  must(GUANXI_OK, guanxi_open(&options, &engine, &error), "the right key");
  must(GUANXI_OK, guanxi_close(engine, &error), "close");
  printf("the right key opens it\n");

  remove_folder(place);
  if (guanxi_debug_live_handles() != 0) surprised("a handle was not freed");
  return 0;
}
