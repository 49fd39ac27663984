package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The nftables table of the guard, which drops in the kernel what may not cross the underlay in
 * clear. It is no process's: it stays when the daemon dies, until {@link #remove}.
 *
 * <p>Works in the network namespace of the thread that calls. Not thread-safe.
 */
public final class GuardTable {
  public static final String FAMILY = "inet";
  public static final String NAME = "culvert";

  private static final Set<String> FAMILIES = Set.of(FAMILY, LinkGuard.FAMILY);

  /** Adding first makes the deletion succeed in either case, with kernels that lack "destroy". */
  private static final String DELETION =
      "add table %1$s %2$s\ndelete table %1$s %2$s\nadd table arp %2$s\ndelete table arp %2$s\n"
          .formatted(FAMILY, NAME);

  private static final Pattern COUNTER = Pattern.compile("\tcounter \\S+ \\{[^}]*}\n+");

  private static final int NFNL_SUBSYS_NFTABLES = 10;
  private static final int NFT_MSG_NEWGEN = 15;
  private static final int NFPROTO_INET = 1;
  private static final int NFPROTO_ARP = 3;
  private static final int NFPROTO_NETDEV = 5;

  /** Bytes of struct nfgenmsg. */
  private static final int NFGENMSG = 4;

  private static final Logger LOG = LoggerFactory.getLogger(GuardTable.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The script that was rehearsed last, and the table that it makes, in nft's own words. */
  private @Nullable String script;

  private @Nullable String wanted;

  /**
   * Packets and bytes that met a rule.
   *
   * @param packets and bytes since the table was made
   */
  public record Count(long packets, long bytes) {}

  /**
   * Makes the kernel hold the table that {@code newScript} makes, in one transaction, unless it
   * holds it already; then looks whether it is there.
   *
   * @param newScript for {@code nft -f}, making the whole table anew wherever it is run
   * @return whether something had to be done
   * @throws IOException the table is as it was before, or is not what was asked for
   */
  public boolean apply(String newScript) throws IOException {
    if (!newScript.equals(script)) {
      wanted = rehearse(newScript, GuardTable::text).orElse(null);
      script = newScript;
    }
    if (wanted != null && wanted.equals(text().orElse(null))) {
      return false;
    }
    String loaded = load(newScript);
    if (wanted == null) {
      wanted = loaded;
    } else if (!wanted.equals(loaded)) {
      // Somebody put things of their own into the table, which flushing it leaves there.
      LOG.warn("the guard is made anew, since others had added to it: its counters start from 0");
      if (!wanted.equals(load(DELETION + newScript))) {
        throw new IOException("the guard in the kernel is not the one that was loaded");
      }
    }
    return true;
  }

  /** Loads it, and says what stands then: of 100,000 ranges, each listing takes a moment. */
  private static String load(String script) throws IOException {
    Nft.load(script);
    return text().orElseThrow(() -> new IOException("the guard is not there though nft loaded it"));
  }

  /**
   * Runs the script in a network namespace of its own, which nobody else can change meanwhile: what
   * nft refuses never comes near the real table, and what it makes there is what to compare with.
   *
   * @return empty where no namespace may be made
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
                  LOG.info("the guard is loaded without rehearsal: errno {}", Errno.last());
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
   * The table in nft's words, but for its counters, with that of ARP; empty where there is none. A
   * counter whose rule is gone stays, so that nothing that was counted is forgotten.
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

  /** Whether a message of the nftables group tells of a change to this table. */
  static boolean concerns(NetlinkMessage message) throws ProtocolException {
    boolean generation = (message.type() & 0xff) == NFT_MSG_NEWGEN;
    if (message.type() >> 8 != NFNL_SUBSYS_NFTABLES || generation) {
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
   * What met the rules so far, by the counters' names.
   *
   * @return empty where there is no table
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

  /** Takes the guard away, both layers; if there is none, does nothing. */
  public static void remove() throws IOException {
    LinkGuard.remove();
    Nft.load(DELETION);
  }
}
