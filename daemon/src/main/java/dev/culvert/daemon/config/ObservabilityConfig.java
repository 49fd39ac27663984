// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP endpoint with metrics and health.
 *
 * @param address that it listens on
 * @param port TCP port, 1 to 65535
 * @param tls null: in clear
 * @param tokenFile holds the bearer token that readers of metrics have to give; null: none is asked
 *     for
 * @param perPeer whether each peer has series of its own
 * @param compat the families of other exporters that are shown too
 * @param place of the key in the file, for errors that show only when it is opened
 */
public record ObservabilityConfig(
    IpAddress address,
    int port,
    @Nullable Tls tls,
    @Nullable Path tokenFile,
    PerPeer perPeer,
    Set<Compat> compat,
    Place place) {
  private static final List<Prefix> LOOPBACK =
      List.of(Prefix.parse("127.0.0.0/8"), Prefix.parse("::1/128"));

  /** The port of the WireGuard exporters. */
  public static final String DEFAULT_LISTEN = "127.0.0.1:9586";

  /** Up to this number of peers, {@link PerPeer#AUTO} shows each. */
  public static final int AUTO_PEERS = 256;

  public ObservabilityConfig {
    compat = compat.isEmpty() ? Set.of() : Set.copyOf(EnumSet.copyOf(compat));
  }

  /**
   * TLS of the endpoint.
   *
   * @param certificate a chain in PEM, this node's certificate first
   * @param key its private key, PKCS #8 in PEM
   * @param clientCa certificates in PEM of which one has to have signed each reader's; null:
   *     readers need none
   */
  public record Tls(Path certificate, Path key, @Nullable Path clientCa) {}

  /** Whether each peer has series of its own. */
  public enum PerPeer {
    AUTO,
    ON,
    OFF;

    /** Whether each of so many peers has series of its own. */
    public boolean shows(int peers) {
      return this == ON || (this == AUTO && peers <= AUTO_PEERS);
    }
  }

  /** The families of another exporter. */
  public enum Compat {
    /** MindFlavor's prometheus_wireguard_exporter. */
    EXPORTER,

    /**
     * Calico's Felix. Has a family of the same name as {@link #EXPORTER} with other labels, so
     * there is only one of the two.
     */
    CALICO,

    /** mdlayher's wireguard_exporter. */
    MDLAYHER;

    /** As in a configuration. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The address and port, as in {@code 127.0.0.1:9586}. */
  public String listen() {
    return (address.v4() ? address.toString() : "[" + address + "]") + ":" + port;
  }

  /**
   * Whether an endpoint of {@code other} serves this as well: only its place in a file may differ.
   */
  public boolean opensLike(@Nullable ObservabilityConfig other) {
    return other != null
        && equals(
            new ObservabilityConfig(
                other.address,
                other.port,
                other.tls,
                other.tokenFile,
                other.perPeer,
                other.compat,
                place));
  }

  /** Whether only programs on this machine can connect. */
  public boolean isLocal() {
    return LOOPBACK.stream().anyMatch(range -> range.contains(address));
  }
}
