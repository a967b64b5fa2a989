import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Guanxi for Java over JNA: what a host of this size needs of the C library, named by the system property or environment
 * variable GUANXI_LIBRARY. Rows come in blocks of values, one call for many rows. Any thread may use a session.
 */
public final class Guanxi {
  private Guanxi() {}

  static final int ROW = 1;
  /** Bytes of a guanxi_value: kind, flags, and 16 of content. */
  private static final int VALUE = 24;

  interface C extends Library {
    long guanxi_debug_live_handles();

    String guanxi_error_key(Pointer error);

    String guanxi_error_message(Pointer error);

    void guanxi_error_free(Pointer error);

    int guanxi_create(Pointer options, PointerByReference out, PointerByReference err);

    int guanxi_open(Pointer options, PointerByReference out, PointerByReference err);

    int guanxi_close(Pointer engine, PointerByReference err);

    int guanxi_sign_in(Pointer engine, String name, String password, PointerByReference out, PointerByReference err);

    void guanxi_session_free(Pointer session);

    int guanxi_call(Pointer session, String method, String parameters, PointerByReference out, PointerByReference err);

    Pointer guanxi_buffer_data(Pointer buffer);

    void guanxi_buffer_free(Pointer buffer);

    Pointer guanxi_query_new(String entity);

    void guanxi_query_filter_json(Pointer query, String filter);

    void guanxi_query_sort(Pointer query, String field, int descending);

    void guanxi_query_limit(Pointer query, long rows);

    void guanxi_query_free(Pointer query);

    int guanxi_query_run(Pointer session, Pointer query, PointerByReference out, PointerByReference err);

    int guanxi_count(Pointer session, Pointer query, Pointer count, PointerByReference err);

    int guanxi_search(
        Pointer session, String entity, String words, long limit, PointerByReference out, PointerByReference err);

    NativeLong guanxi_cursor_column_count(Pointer cursor);

    String guanxi_cursor_column_name(Pointer cursor, NativeLong column);

    int guanxi_cursor_fetch(Pointer cursor, Pointer values, NativeLong rows, Pointer fetched, PointerByReference err);

    void guanxi_cursor_free(Pointer cursor);
  }

  private static final C c =
      Native.load(
          System.getProperty("GUANXI_LIBRARY", System.getenv().getOrDefault("GUANXI_LIBRARY", "guanxi")),
          C.class,
          Map.of(Library.OPTION_STRING_ENCODING, "UTF-8"));

  /** A call that failed; {@link #key} is the stable key, such as {@code schema.required}. */
  public static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;
    public final String key;

    private Failure(Pointer raw) {
      super(c.guanxi_error_message(raw));
      key = c.guanxi_error_key(raw);
      c.guanxi_error_free(raw);
    }
  }

  private interface Call {
    int run(PointerByReference out, PointerByReference err);
  }

  private static Pointer made(Call call) {
    PointerByReference out = new PointerByReference();
    check(call, out);
    return out.getValue();
  }

  private static int check(Call call, PointerByReference out) {
    PointerByReference err = new PointerByReference();
    int status = call.run(out, err);
    if (status < 0) throw new Failure(err.getValue());
    return status;
  }

  public static long liveHandles() {
    return c.guanxi_debug_live_handles();
  }

  private static Memory text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    Memory memory = new Memory(bytes.length + 1L);
    memory.write(0, bytes, 0, bytes.length);
    memory.setByte(bytes.length, (byte) 0);
    return memory;
  }

  /** An open database. */
  public static final class Crm implements AutoCloseable {
    private final Pointer engine;

    private Crm(Pointer engine) {
      this.engine = engine;
    }

    public static Crm create(String path, byte[] key, String name, String password) {
      return open(true, path, key, name, password);
    }

    public static Crm open(String path, byte[] key) {
      return open(false, path, key, "", "");
    }

    /** The options by hand, as they are on 64-bit systems: ten words, of which the seventh has the flags. */
    private static Crm open(boolean create, String path, byte[] key, String name, String password) {
      Memory options = new Memory(80);
      options.clear();
      Memory keyBytes = new Memory(key.length);
      keyBytes.write(0, key, 0, key.length);
      Memory[] texts = {text(path), text(name), text(password)};
      options.setLong(0, 80);
      options.setPointer(8, texts[0]);
      options.setPointer(16, keyBytes);
      options.setLong(24, key.length);
      options.setPointer(64, texts[1]);
      options.setPointer(72, texts[2]);
      try {
        return new Crm(
            made((out, err) -> create ? c.guanxi_create(options, out, err) : c.guanxi_open(options, out, err)));
      } finally {
        // It also keeps the memory, which the options only point to, from being collected before.
        keyBytes.clear();
        for (Memory text : texts) text.clear();
      }
    }

    public Session signIn(String name, String password) {
      return new Session(made((out, err) -> c.guanxi_sign_in(engine, name, password, out, err)));
    }

    @Override
    public void close() {
      check((out, err) -> c.guanxi_close(engine, err), null);
    }
  }

  /** A signed-in user. Any thread, also several at once. */
  public static final class Session implements AutoCloseable {
    private final Pointer session;

    private Session(Pointer session) {
      this.session = session;
    }

    /** Calls a method by its name with a JSON object, and gives its answer as JSON. */
    public String call(String method, String parameters) {
      Pointer answer = made((out, err) -> c.guanxi_call(session, method, parameters, out, err));
      try {
        return c.guanxi_buffer_data(answer).getString(0, "UTF-8");
      } finally {
        c.guanxi_buffer_free(answer);
      }
    }

    public long count(String entity) {
      Pointer query = c.guanxi_query_new(entity);
      Memory count = new Memory(8);
      try {
        check((out, err) -> c.guanxi_count(session, query, count, err), null);
        return count.getLong(0);
      } finally {
        c.guanxi_query_free(query);
      }
    }

    /** The records that meet a filter; {@code sort} is a field, with {@code -} before it for largest first. */
    public List<Map<String, Object>> query(String entity, String filter, String sort, long limit) {
      Pointer query = c.guanxi_query_new(entity);
      c.guanxi_query_filter_json(query, filter);
      c.guanxi_query_sort(query, sort.replaceFirst("^-", ""), sort.startsWith("-") ? 1 : 0);
      c.guanxi_query_limit(query, limit);
      try {
        return rows(made((out, err) -> c.guanxi_query_run(session, query, out, err)));
      } finally {
        c.guanxi_query_free(query);
      }
    }

    public List<Map<String, Object>> search(String words, long limit) {
      return rows(made((out, err) -> c.guanxi_search(session, null, words, limit, out, err)));
    }

    @Override
    public void close() {
      c.guanxi_session_free(session);
    }
  }

  private static List<Map<String, Object>> rows(Pointer cursor) {
    int block = 256;
    int columns = c.guanxi_cursor_column_count(cursor).intValue();
    List<String> names = new ArrayList<>();
    for (int column = 0; column < columns; column++) {
      names.add(c.guanxi_cursor_column_name(cursor, new NativeLong(column)));
    }
    Memory values = new Memory((long) block * columns * VALUE);
    Memory fetched = new Memory(8);
    List<Map<String, Object>> all = new ArrayList<>();
    try {
      while (check((out, err) -> c.guanxi_cursor_fetch(cursor, values, new NativeLong(block), fetched, err), null)
          == ROW) {
        for (int row = 0; row < fetched.getLong(0); row++) {
          Map<String, Object> made = new LinkedHashMap<>();
          for (int column = 0; column < columns; column++) {
            made.put(names.get(column), value(values.share((long) (row * columns + column) * VALUE)));
          }
          all.add(made);
        }
      }
      return all;
    } finally {
      c.guanxi_cursor_free(cursor);
    }
  }

  private static Object value(Pointer value) {
    switch (value.getInt(0)) {
      case 1:
        return value.getLong(8) != 0;
      case 2:
      case 7:
      case 12:
      case 13:
        return value.getLong(8);
      case 3:
      case 4:
        return decimal(value.getByteArray(8, 16));
      case 5:
      case 10:
        return new String(
            value.getPointer(8).getByteArray(0, (int) value.getLong(16)), StandardCharsets.UTF_8);
      case 6:
        return LocalDate.ofEpochDay(value.getLong(8));
      case 8:
        return new UUID(Long.reverseBytes(value.getLong(8)), Long.reverseBytes(value.getLong(16)));
      default:
        return null;
    }
  }

  /** A decimal of 12 bytes, least one first, a byte of scale and sign, and three letters of a currency. */
  private static Object decimal(byte[] bytes) {
    byte[] digits = new byte[13];
    for (int place = 0; place < 12; place++) digits[12 - place] = bytes[place];
    java.math.BigInteger whole = new java.math.BigInteger(digits);
    if (bytes[12] < 0) whole = whole.negate();
    java.math.BigDecimal exact = new java.math.BigDecimal(whole, bytes[12] & 127);
    return bytes[13] == 0 ? exact : new String(bytes, 13, 3, StandardCharsets.US_ASCII) + " " + exact;
  }
}
