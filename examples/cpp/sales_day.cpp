/*
 * A day of a sales team in C++17, through the owners of guanxi.hpp.
 *
 * Build: c++ -std=c++17 -I include examples/cpp/sales_day.cpp -L target/release -lguanxi -o sales_day
 *
 * It ends with 0, or says what surprised it and ends with 1.
 */
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "guanxi.hpp"

namespace fs = std::filesystem;

static const std::string password = "one long password";

static void expect(bool condition, const char *what) {
  if (!condition) throw std::runtime_error(what);
}

/* An error that is expected: its stable key. */
template <class Call>
static std::string refused(Call &&call) {
  try {
    call();
  } catch (const guanxi::error &error) {
    std::cout << "refused: [" << error.key() << "] " << error.what() << "\n";
    return error.key();
  }
  return "";
}

static guanxi::id salesperson(const guanxi::session &admin) {
  admin.call("user.create", R"({"values":{"name":"韩梅梅"},"password":")" + password +
                                R"(","roles":["salesperson"]})");
  guanxi::cursor users = admin.run(guanxi::query("sys.user").filter(R"({"name":"韩梅梅"})"));
  expect(users.next(), "the salesperson is among the users");
  return users.id();
}

/* One company and six deals, of which the salesperson owns half: all in one transaction, or nothing. */
static void make_deals(const guanxi::session &admin, const guanxi::id &owner) {
  guanxi::transaction txn = admin.begin("sales day");
  guanxi::record company("crm.account");
  company.set("name", "上海加喜企业服务有限公司").set("city", "上海");
  const guanxi::id account = txn.create(company);
  for (int number = 1; number <= 6; number++) {
    guanxi::record deal("crm.opportunity");
    deal.set("title", "执照变更 " + std::to_string(number))
        .set("account", account)
        .set_money("amount", std::to_string(1000 * number) + ".50", "CNY")
        .set_date("engaged_on", "2026-11-2" + std::to_string(number));
    if (number % 2 == 0) deal.owner(owner);
    txn.create(deal);
  }
  txn.commit();
}

static guanxi::id list_newest(const guanxi::session &session) {
  guanxi::query newest("crm.opportunity");
  newest.filter(R"({"status":"open"})").sort("engaged_on", true).limit(3);
  guanxi::cursor row = session.run(newest);
  guanxi::id first;
  for (bool is_first = true; row.next(); is_first = false) {
    if (is_first) first = row.id();
    const guanxi::date day = row.day("engaged_on");
    const guanxi::amount amount = row.money("amount");
    std::printf("%04d-%02d-%02d  %s  %s %s\n", day.year, day.month, day.day,
                std::string(row.text("title")).c_str(), amount.currency.c_str(), amount.digits.c_str());
  }
  return first;
}

static void the_day(const guanxi::engine &engine) {
  const guanxi::session admin = engine.sign_in("admin", password);
  const guanxi::id owner = salesperson(admin);
  guanxi::subscription changes = admin.subscribe(R"({"entities":["crm.opportunity"]})");
  make_deals(admin, owner);
  const std::optional<std::string> told = changes.next(1000);
  expect(told && told->find("\"create\"") != std::string::npos, "the new deals are told");

  const guanxi::session hers = engine.sign_in("韩梅梅", password);
  const guanxi::query deals("crm.opportunity");
  std::cout << "admin sees " << admin.count(deals) << " deals, 韩梅梅 " << hers.count(deals) << "\n";
  expect(admin.count(deals) == 6 && hers.count(deals) == 3, "a salesperson sees her own deals");

  const guanxi::id newest = list_newest(hers);
  guanxi::cursor hits = admin.search("加喜", 3);
  expect(hits.next(), "the company is found");
  std::cout << "found " << hits.text("title") << "\n";

  const std::string deal = "{\"id\":\"" + newest.text() + "\"";
  hers.call("opportunity.win", deal + "}");
  expect(refused([&] { hers.call("opportunity.lose", deal + R"(,"reason":"价格"})"); }) == "model.invalid_transition",
         "a deal that was won is not lost");
  expect(refused([&] { admin.create(guanxi::record("crm.account")); }) == "schema.required",
         "a company has a name");

  admin.call("ledger.verify");
  std::cout << "The ledger verifies\n";
}

int main() {
  std::string pattern = (fs::temp_directory_path() / "guanxi-XXXXXX").string();
  const fs::path place = mkdtemp(pattern.data());
  int result = 1;
  try {
    const std::string path = (place / "day.guanxi").string();
    guanxi_open_options options = guanxi::open_options();
    options.path = path.c_str();
    options.key = reinterpret_cast<const std::uint8_t *>("an example key never for a host");
    options.key_len = 32;
    options.administrator_name = "admin";
    options.administrator_password = password.c_str();
    guanxi::engine engine = guanxi::engine::create(options);
    the_day(engine);
    engine.close();

    options.key = reinterpret_cast<const std::uint8_t *>("a guess, which must not open it");
    expect(refused([&] { guanxi::engine::open(options); }) == "storage.wrong_key", "a wrong key opens nothing");
    expect(guanxi_debug_live_handles() == 0, "every handle was freed");
    result = 0;
  } catch (const std::exception &error) {
    std::cerr << "surprise: " << error.what() << "\n";
  }
  fs::remove_all(place);
  return result;
}
