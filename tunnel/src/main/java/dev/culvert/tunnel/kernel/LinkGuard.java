// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardCounters;
import dev.culvert.routing.plan.LinkGuardText;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The nftables table of the guard's second layer, on the egress hook of physical devices. A kernel
 * may lack that hook; the guard's first layer stands without it.
 *
 * <p>Works in the network namespace of the thread that calls. Not thread-safe.
 */
final class LinkGuard {
  static final String FAMILY = "netdev";

  private static final String PROBE =
      """
      table netdev culvert_probe {
        set s { typeof ip daddr; flags interval; }
        chain egress {
          type filter hook egress devices = { "lo" } priority 0; policy accept;
          meta cgroup >= 0 accept
          vlan type ip ip daddr @s drop
        }
      }
      """;

  private static final Pattern DEVICES =
      Pattern.compile("hook egress (?:device|devices =) (.*) priority");

  private static final String NOT_LOADED =
      "the guard of the link layer is not the one that was loaded";

  private static final Pattern NOT_NAMES = Pattern.compile("[{}\" ]");

  private final Supplier<Optional<String>> fault;
  private @Nullable Boolean available;
  private boolean loaded;

  /**
   * The script that was rehearsed last, on loopback, and nft's listing of the table that it makes
   * there; or, if no namespace may be made, that it made here.
   */
  private @Nullable String script;

  private @Nullable String rehearsed;

  /**
   * @param fault the reason why this kernel does not support it, see {@link #fault}
   */
  LinkGuard(Supplier<Optional<String>> fault) {
    this.fault = fault;
  }

  /** Whether the last {@link #apply} found or loaded a table. */
  boolean isLoaded() {
    return loaded;
  }

  /**
   * Loads the table for those of the guard's devices that exist, unless it is loaded already.
   *
   * @return whether something had to be changed
   */
  boolean apply(Guard guard, Set<String> existing) throws IOException {
    if (available == null) {
      available = fault.get().isEmpty();
    }
    if (!available) {
      return false;
    }
    List<String> devices = new ArrayList<>(guard.physical());
    devices.retainAll(existing);
    loaded = !devices.isEmpty();
    String rules = LinkGuardText.of(guard, List.of("lo"), 0, 0);
    if (!rules.equals(script)) {
      rehearsed = GuardTable.rehearse(rules, LinkGuard::listed).orElse(null);
      script = rules;
    }
    boolean unknown = rehearsed == null && !devices.isEmpty();
    String wanted = devices.isEmpty() || rehearsed == null ? "" : on(devices, rehearsed);
    if (!unknown && wanted.equals(text().orElse(""))) {
      return false;
    }
    Count before = GuardTable.counters().getOrDefault(GuardCounters.LINK_OUT, new Count(0, 0));
    Nft.load(
        devices.isEmpty()
            ? LinkGuardText.removal()
            : LinkGuardText.of(guard, devices, before.packets(), before.bytes()));
    if (unknown) {
      // Without a rehearsal the table as loaded is the one to compare with. Otherwise each look
      // would load it anew, and the kernel's news of that would cause the next look.
      rehearsed = listed().orElseThrow(() -> new IOException(NOT_LOADED));
    } else if (!wanted.equals(text().orElse(""))) {
      throw new IOException(NOT_LOADED);
    }
    return true;
  }

  private static String on(List<String> devices, String text) {
    return DEVICES.matcher(text).replaceFirst(Matcher.quoteReplacement(hook(devices)));
  }

  private static String hook(List<String> devices) {
    return "hook egress " + devices.stream().sorted().toList() + " priority";
  }

  /** nft's listing of the table, without its counter and the order of its devices. */
  static Optional<String> text() throws IOException {
    return listed()
        .map(
            text ->
                DEVICES
                    .matcher(text)
                    .replaceFirst(
                        found ->
                            Matcher.quoteReplacement(
                                hook(
                                    List.of(
                                        NOT_NAMES
                                            .matcher(found.group(1))
                                            .replaceAll("")
                                            .split(",", -1))))));
  }

  private static Optional<String> listed() throws IOException {
    return GuardTable.listed(FAMILY).map(GuardTable::withoutCounters);
  }

  /** Removes the table if it exists. */
  static void remove() throws IOException {
    if (text().isPresent()) {
      Nft.load(LinkGuardText.removal());
    }
  }

  /**
   * Tries the table in a temporary network namespace.
   *
   * @return the feature that this kernel or nft lacks; empty if it lacks nothing, or if no
   *     namespace may be made
   */
  static Optional<String> fault() {
    CompletableFuture<Optional<String>> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("link-guard-check")
        .start(
            () -> {
              try {
                if (LIBC.unshare(LibC.CLONE_NEWNET) == 0) {
                  Nft.load(PROBE);
                }
                result.complete(Optional.empty());
              } catch (IOException | RuntimeException e) {
                result.complete(Optional.of(String.valueOf(e.getMessage())));
              }
            });
    return result.join();
  }
}
