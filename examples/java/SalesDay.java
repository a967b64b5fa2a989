import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A day of a sales team in Java. It ends with 0, or with a trace of what surprised it. */
public final class SalesDay {
  private static final byte[] KEY = "an example key never for a host!".getBytes(StandardCharsets.UTF_8);
  private static final String PASSWORD = "one long password";

  private static void expect(boolean condition, String what) {
    if (!condition) throw new IllegalStateException(what);
  }

  private static void refused(String key, Runnable call) {
    try {
      call.run();
    } catch (Guanxi.Failure failure) {
      System.out.println("refused: [" + failure.key + "] " + failure.getMessage());
      expect(failure.key.equals(key), key);
      return;
    }
    throw new IllegalStateException(key + " was expected");
  }

  private static void makeDeals(Guanxi.Session admin) {
    String company =
        admin.call(
            "record.create",
            "{\"entity\":\"crm.account\",\"values\":{\"name\":\"上海加喜企业服务有限公司\",\"city\":\"上海\"}}");
    String account = company.replaceFirst(".*\"id\":\"([^\"]*)\".*", "$1");
    for (int number = 1; number <= 6; number++) {
      String owner = number % 2 == 0 ? ",\"owner\":\"韩梅梅\"" : "";
      admin.call(
          "record.create",
          String.format(
              "{\"entity\":\"crm.opportunity\",\"values\":{\"title\":\"执照变更 %d\",\"account\":\"%s\","
                  + "\"engaged_on\":\"2026-11-%d\",\"amount\":{\"amount\":\"%d.50\",\"currency\":\"CNY\"}%s}}",
              number, account, 20 + number, 1000 * number, owner));
    }
  }

  private static void theDay(Guanxi.Crm crm) {
    try (Guanxi.Session admin = crm.signIn("admin", PASSWORD)) {
      admin.call(
          "user.create",
          "{\"values\":{\"name\":\"韩梅梅\"},\"password\":\"" + PASSWORD + "\",\"roles\":[\"salesperson\"]}");
      makeDeals(admin);
      try (Guanxi.Session hers = crm.signIn("韩梅梅", PASSWORD)) {
        long all = admin.count("crm.opportunity");
        long own = hers.count("crm.opportunity");
        System.out.println("admin sees " + all + " deals, 韩梅梅 " + own);
        expect(all == 6 && own == 3, "a salesperson sees her own deals");
        List<Map<String, Object>> newest =
            hers.query("crm.opportunity", "{\"status\":\"open\"}", "-engaged_on", 3);
        for (Map<String, Object> row : newest) {
          System.out.println(row.get("engaged_on") + " " + row.get("title") + " " + row.get("amount"));
        }
        String deal = "{\"id\":\"" + newest.get(0).get("id") + "\"";
        hers.call("opportunity.win", deal + "}");
        refused("model.invalid_transition", () -> hers.call("opportunity.lose", deal + ",\"reason\":\"价格\"}"));
      }
      System.out.println("found " + admin.search("加喜", 3).get(0).get("title"));
      refused(
          "schema.required",
          () -> admin.call("record.create", "{\"entity\":\"crm.account\",\"values\":{\"city\":\"上海\"}}"));
      admin.call("ledger.verify", "{}");
      System.out.println("The ledger verifies");
    }
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Files.createTempDirectory("guanxi-");
    try {
      String path = folder.resolve("day.guanxi").toString();
      try (Guanxi.Crm crm = Guanxi.Crm.create(path, KEY, "admin", PASSWORD)) {
        theDay(crm);
      }
      refused("storage.wrong_key", () -> Guanxi.Crm.open(path, new byte[32]));
      Guanxi.Crm.open(path, KEY).close();
      expect(Guanxi.liveHandles() == 0, "every handle was freed");
    } finally {
      try (Stream<Path> inside = Files.walk(folder)) {
        inside.sorted(Comparator.reverseOrder()).forEach(SalesDay::delete);
      }
    }
  }

  private static void delete(Path path) {
    try {
      Files.delete(path);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
