// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The nftables table of the guard, which drops, in the kernel, packets that must not cross the
 * underlay in clear. It belongs to no process: it stays when the daemon dies, until {@link
 * #remove}.
 *
 * <p>Works in the network namespace of the thread that calls. Not thread-safe.
 */
public final class GuardTable {
  public static final String FAMILY = "inet";
  public static final String NAME = "culvert";

  private static final Set<String> FAMILIES = Set.of(FAMILY, LinkGuard.FAMILY);

  /**
   * Adding the table first makes the deletion succeed whether it exists or not, also on kernels
   * that lack "destroy".
   */
  private static final String DELETION =
      "add table %1$s %2$s\ndelete table %1$s %2$s\nadd table arp %2$s\ndelete table arp %2$s\n"
          .formatted(FAMILY, NAME);

  private static final Pattern COUNTER = Pattern.compile("\tcounter \\S+ \\{[^}]*}\n+");

  private static final int NFT_MSG_NEWTABLE = 0;
  private static final int NFT_MSG_DELTABLE = 2;
  private static final int NFT_MSG_NEWGEN = 15;
  static final int NFPROTO_INET = 1;
  private static final int NFPROTO_ARP = 3;
  static final int NFPROTO_NETDEV = 5;

  /** Bytes of struct nfgenmsg. */
  private static final int NFGENMSG = 4;

  private static final EventLog LOG = EventLog.of(GuardTable.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The script that was rehearsed last, and nft's listing of the table that it makes. */
  private @Nullable String script;

  private @Nullable String wanted;

  /** The kernel said that the table is deleted. */
  private boolean gone;

  /**
   * A counter of a rule.
   *
   * @param packets since the table was made
   * @param bytes since the table was made
   */
  public record Count(long packets, long bytes) {}

  /**
   * Loads the table that {@code newScript} makes, in one transaction, unless it is loaded already,
   * and then checks it.
   *
   * @param newScript for {@code nft -f}; it makes the whole table anew in any namespace
   * @return whether something had to be changed
   * @throws IOException if loading failed and the table is as it was before, or if the loaded table
   *     is not the one that {@code newScript} makes
   */
  public boolean apply(String newScript) throws IOException {
    if (!newScript.equals(script)) {
      wanted = rehearse(newScript, GuardTable::text).orElse(null);
      script = newScript;
    }
    boolean missing =
        gone; // Then it is loaded before anything is asked: each call of nft takes time.
    gone = false;
    if (!missing && wanted != null && wanted.equals(text().orElse(null))) {
      return false;
    }
    String loaded = load(newScript);
    if (wanted == null) {
      wanted = loaded;
    } else if (!wanted.equals(loaded)) {
      // Another program added objects to the table, which flushing leaves there.
      LOG.warn(
          LogEvent.GUARD_RESET,
          "the guard is made anew, since others had added to it: its counters start from 0");
      if (!wanted.equals(load(DELETION + newScript))) {
        throw new IOException("the guard in the kernel is not the one that was loaded");
      }
    }
    return true;
  }

  /**
   * Loads the script and returns the resulting listing in one run, since listing 100,000 ranges
   * takes seconds.
   */
  private static String load(String script) throws IOException {
    Nft.load(script);
    return text().orElseThrow(() -> new IOException("the guard is not there though nft loaded it"));
  }

  /**
   * Runs the script in a temporary network namespace that no other program can change. A script
   * that nft refuses never reaches the real table, and the listing from there is the one to compare
   * with.
   *
   * @return empty if no namespace may be made
   */
  static Optional<String> rehearse(String script, Callable<Optional<String>> text)
      throws IOException {
    CompletableFuture<Optional<String>> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("guard-rehearsal")
        .start(
            () -> {
              try {
                if (LIBC.unshare(LibC.CLONE_NEWNET) != 0) {
                  LOG.info(
                      LogEvent.GUARD_LOADED,
                      "the guard is loaded without rehearsal: errno {}",
                      Errno.last());
                  result.complete(Optional.empty());
                  return;
                }
                Nft.load(script);
                result.complete(text.call());
              } catch (Exception e) {
                result.completeExceptionally(e);
              }
            });
    try {
      return result.join();
    } catch (CompletionException e) {
      throw new IOException("the guard is refused: " + e.getCause(), e);
    }
  }

  /**
   * nft's listing of the table and of ARP's, without the counters; empty if there is none. A
   * counter whose rule is gone stays, so that no count is lost.
   */
  public static Optional<String> text() throws IOException {
    String arp = listed("arp").orElse("");
    return listed(FAMILY).map(GuardTable::withoutCounters).map(text -> text + arp);
  }

  static String withoutCounters(String text) {
    return COUNTER.matcher(text).replaceAll("");
  }

  static Optional<String> listed(String family) throws IOException {
    try {
      return Optional.of(Nft.run("", "--stateless", "list", "table", family, NAME));
    } catch (Nft.NftException e) {
      if (String.valueOf(e.getMessage()).contains("No such file or directory")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Takes note of a message of the nftables group.
   *
   * @return whether it reports a change of this table
   */
  boolean hear(NetlinkMessage message) throws ProtocolException {
    if (!concerns(message)) {
      return false;
    }
    if (message.payload().get(0) == NFPROTO_INET) {
      switch (message.type() & 0xff) {
        case NFT_MSG_NEWTABLE -> gone = false;
        case NFT_MSG_DELTABLE -> gone = true;
        default -> {}
      }
    }
    return true;
  }

  /** Whether a message of the nftables group reports a change of this table. */
  static boolean concerns(NetlinkMessage message) throws ProtocolException {
    boolean generation = (message.type() & 0xff) == NFT_MSG_NEWGEN;
    if (message.type() >> 8 != Netlink.NFNL_SUBSYS_NFTABLES || generation) {
      return false;
    }
    // In every other message of nftables, the first attribute is the table's name.
    ByteBuffer name = message.attributes(NFGENMSG).get(1);
    byte family = message.payload().get(0);
    return (family == NFPROTO_INET || family == NFPROTO_ARP || family == NFPROTO_NETDEV)
        && name != null
        && NetlinkMessage.string(name).equals(NAME);
  }

  /**
   * The counts so far, by the counters' names.
   *
   * @return empty if there is no table
   */
  public static SortedMap<String, Count> counters() throws IOException {
    SortedMap<String, Count> counters = new TreeMap<>();
    String json = Nft.run("", "--json", "list", "counters");
    for (JsonNode item : JSON.readTree(json).path("nftables")) {
      JsonNode counter = item.path("counter");
      boolean ours = FAMILIES.contains(counter.path("family").asText());
      if (ours && counter.path("table").asText().equals(NAME)) {
        counters.put(
            counter.path("name").asText(),
            new Count(counter.path("packets").asLong(), counter.path("bytes").asLong()));
      }
    }
    return counters;
  }

  /** Removes both layers of the guard; does nothing if there is none. */
  public static void remove() throws IOException {
    LinkGuard.remove();
    Nft.load(DELETION);
  }
}
