// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigInteger;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The replay window accepts each counter below its limit at most once, as WireGuard's does and as a
 * model that remembers every counter does.
 */
class ReplayWindowTest {
  private static final long W = ReplayWindow.USABLE;

  /** WireGuard's: 2^64 - 2^13 - 1. */
  private static final long LIMIT = -1L - (1 << 13);

  /** Truth table: a number, counters that came before, the counter, whether it is accepted. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "1 the first counter may be zero,                          '',          0,     true",
    "2 zero only once,                                         '0',         0,     false",
    "3 the first counter may be any,                           '',          77,    true",
    "4 an unseen counter behind the newest,                    '9',         8,     true",
    "5 a seen counter behind the newest,                       '8 9',       8,     false",
    "6 the newest again,                                       '9',         9,     false",
    "7 the oldest place of the window,                         '8129',      1,     true",
    "8 that place again,                                       '1 8129',    1,     false",
    "9 one before the window,                                  '8129',      0,     false",
    "10 one before the window though the ring has the bit free,'8191',      62,    false",
    "11 the newest at the end of its word,                     '8191',      63,    true",
    "12 the newest at the start of its word,                   '8192',      64,    true",
    "13 one before that,                                       '8192',      63,    false",
    "14 a counter whose ring place an older one had set,       '5 8197',    8197,  false",
    "15 the same place one turn of the ring on,                '5',         8197,  true",
    "16 a word skipped over is cleared,                        '70 8300',   8262,  true",
    "17 a jump of a whole ring clears it all,                  '1 2 3 8193',8194,  true",
    "18 a jump of many rings,                                  '1 2 3 81930',81922,true",
    "19 a move inside one word keeps its bits,                 '3 5 7',     3,     false",
    "20 a move into the next word keeps the bits behind,       '63 64',     63,    false",
    "21 across 2^32,                                           '4294967295',4294967296,true",
    "22 behind across 2^32,                                   '4294967296',4294967295,true",
    "23 across the sign bit,                9223372036854775807,9223372036854775808,true",
    "24 behind across the sign bit,        9223372036854775808,9223372036854775807,true",
    "25 the last below the limit,                              '',18446744073709543422,true",
    "26 the limit,                                             '',18446744073709543423,false",
    "27 past the limit,                                        '',18446744073709551615,false",
    "28 the limit does not move the window,         '18446744073709551615',0,true",
    "29 an old counter does not come back at the end,'0 18446744073709543422',0,false",
  })
  void truthTable(String name, String before, String counter, boolean accepted) {
    ReplayWindow window = new ReplayWindow(LIMIT);
    for (String seen : before.split(" ", -1)) {
      if (!seen.isEmpty()) {
        window.accept(Long.parseUnsignedLong(seen));
      }
    }
    long asked = Long.parseUnsignedLong(counter);
    assertEquals(accepted, window.isFresh(asked), "isFresh");
    assertEquals(accepted, window.isFresh(asked), "isFresh changes nothing");
    assertEquals(accepted, window.accept(asked), "accept");
    assertFalse(window.accept(asked), "accepted at most once");
  }

  @Test
  void answersWireGuardsSequence() throws IOException {
    ReplayWindow window = new ReplayWindow(LIMIT);
    int run = 0;
    int passed = 0;
    for (JsonNode step : Vectors.json("wireguard/replay-window.json").required("sequence")) {
      long counter = counter(step.required("n").textValue());
      run++;
      passed += window.accept(counter) == step.required("accept").booleanValue() ? 1 : 0;
    }
    Vectors.report("wireguard replay window, sequence:", passed, run);
    assertEquals(34, run);
    assertEquals(34, passed);
  }

  @Test
  void answersWireGuardsBulkRuns() throws IOException {
    int run = 0;
    int passed = 0;
    for (JsonNode bulk : Vectors.json("wireguard/replay-window.json").required("bulk")) {
      ReplayWindow window = new ReplayWindow(LIMIT);
      for (JsonNode step : bulk.required("steps")) {
        Bulk b = Bulk.parse(step.textValue());
        for (long i = b.from; i != b.to + b.by; i += b.by) {
          run++;
          passed += window.accept(i) == b.accept ? 1 : 0;
        }
      }
    }
    Vectors.report("wireguard replay window, bulk:", passed, run);
    assertEquals(6 * W + 11, run);
    assertEquals(run, passed);
  }

  /** One step of a bulk run, such as {@code for i=W+1 down to 1: accept i} or {@code reject 0}. */
  private record Bulk(long from, long to, int by, boolean accept) {
    private static final Pattern RANGE =
        Pattern.compile("for i=(\\S+?)(\\.\\.| down to )(\\S+): (accept|reject) i");
    private static final Pattern SINGLE = Pattern.compile("(accept|reject) (\\S+)");

    static Bulk parse(String step) {
      Matcher range = RANGE.matcher(step);
      if (range.matches()) {
        int by = range.group(2).equals("..") ? 1 : -1;
        return new Bulk(
            counter(range.group(1)), counter(range.group(3)), by, range.group(4).equals("accept"));
      }
      Matcher single = SINGLE.matcher(step);
      assertTrue(single.matches(), step);
      long counter = counter(single.group(2));
      return new Bulk(counter, counter, 1, single.group(1).equals("accept"));
    }
  }

  /** Sums and products over the names of the vector file, brackets at most once and at the end. */
  private static long counter(String expression) {
    int bracket = expression.indexOf("-(");
    if (bracket >= 0) {
      String inner = expression.substring(bracket + 2, expression.length() - 1);
      return counter(expression.substring(0, bracket)) - counter(inner);
    }
    int last = Math.max(expression.lastIndexOf('+'), expression.lastIndexOf('-'));
    if (last > 0) {
      long left = counter(expression.substring(0, last));
      long right = counter(expression.substring(last + 1));
      return expression.charAt(last) == '+' ? left + right : left - right;
    }
    int times = expression.indexOf('*');
    if (times > 0) {
      return counter(expression.substring(0, times)) * counter(expression.substring(times + 1));
    }
    return switch (expression) {
      case "W" -> W;
      case "T_LIM" -> W + 1;
      case "RejectAfterMessages" -> LIMIT;
      default -> new BigInteger(expression).longValueExact();
    };
  }

  /** A model that remembers every counter there ever was. */
  private static final class Model {
    private final Set<Long> seen = new HashSet<>();
    private final long limit;
    private long newest;

    Model(long limit) {
      this.limit = limit;
    }

    boolean accept(long counter) {
      boolean belowLimit = Long.compareUnsigned(counter, limit) < 0;
      boolean ahead = Long.compareUnsigned(counter, newest) > 0;
      if (!belowLimit || (!ahead && Long.compareUnsigned(newest - counter, W) > 0)) {
        return false;
      }
      if (ahead) {
        newest = counter;
      }
      return seen.add(counter);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 8000, 0xffff_f000L, Long.MAX_VALUE - 3000, LIMIT - 5000})
  void agreesWithAModelThatRemembersEverything(long start) {
    Random random = new Random(start);
    ReplayWindow window = new ReplayWindow(LIMIT);
    Model model = new Model(LIMIT);
    long around = start;
    int accepted = 0;
    for (int i = 0; i < 40_000; i++) {
      long drawn =
          switch (random.nextInt(10)) {
            case 0, 1, 2, 3 -> ++around;
            case 4, 5 -> around - random.nextInt(200);
            case 6 -> around - random.nextInt((int) W * 2);
            case 7 -> around - W + random.nextInt(5) - 2;
            case 8 -> random.nextInt(20) == 0 ? (around += random.nextInt(20_000)) : around;
            default -> around + random.nextInt(130);
          };
      // Below zero lies the far end of the counters, from where the window never comes back.
      long counter = start == 0 ? Math.max(drawn, 0) : drawn;
      boolean expected = model.accept(counter);
      assertEquals(expected, window.isFresh(counter), "counter " + counter);
      assertEquals(expected, window.accept(counter), "counter " + counter);
      accepted += expected ? 1 : 0;
    }
    assertTrue(accepted > 100, "the model accepted only " + accepted);
  }

  @Test
  void anotherLimitHolds() {
    ReplayWindow window = new ReplayWindow(10);
    assertTrue(window.accept(9));
    assertFalse(window.accept(10));
    assertTrue(window.accept(0));
  }
}
